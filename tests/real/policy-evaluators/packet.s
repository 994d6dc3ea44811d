// It lets packet.go declare a function without a body.

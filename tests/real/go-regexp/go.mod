module flowmatrix/go-regexp

go 1.24

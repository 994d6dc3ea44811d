// A server that is pushed to: Loki's protobuf over HTTP, and OTLP over HTTP and gRPC.
//
// What comes is decoded with the types of their authors. It prints its two ports (HTTP, gRPC).
// GET /received gives what was taken so far as JSON; POST /answers says which statuses of HTTP are
// given in turn from now on, before everything is taken again; it also forgets what was taken.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"

	"github.com/golang/snappy"
	"github.com/grafana/loki/pkg/push"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

type request struct {
	Path    string              `json:"path"`
	Headers map[string][]string `json:"headers"`
	Status  int                 `json:"status"`
	Body    json.RawMessage     `json:"body"`
}

type receiver struct {
	mutex    sync.Mutex
	received []request
	answers  []int
}

// take notes a request and says with which status it is answered.
func (r *receiver) take(path string, headers map[string][]string, body []byte) int {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	code := http.StatusNoContent
	if len(r.answers) > 0 {
		code, r.answers = r.answers[0], r.answers[1:]
	}
	r.received = append(r.received, request{path, headers, code, body})
	return code
}

type entry struct {
	Nanos int64  `json:"ns"`
	Line  string `json:"line"`
}

type stream struct {
	Labels  string  `json:"labels"`
	Entries []entry `json:"entries"`
}

func loki(body []byte) ([]byte, error) {
	raw, err := snappy.Decode(nil, body)
	if err != nil {
		return nil, err
	}
	var pushed push.PushRequest
	if err := pushed.Unmarshal(raw); err != nil {
		return nil, err
	}
	streams := []stream{}
	for _, s := range pushed.Streams {
		entries := []entry{}
		for _, e := range s.Entries {
			entries = append(entries, entry{e.Timestamp.UnixNano(), e.Line})
		}
		streams = append(streams, stream{s.Labels, entries})
	}
	return json.Marshal(streams)
}

func logs(body []byte) ([]byte, error) {
	got := plogotlp.NewExportRequest()
	if err := got.UnmarshalProto(body); err != nil {
		return nil, err
	}
	return got.MarshalJSON()
}

func metrics(body []byte) ([]byte, error) {
	got := pmetricotlp.NewExportRequest()
	if err := got.UnmarshalProto(body); err != nil {
		return nil, err
	}
	return got.MarshalJSON()
}

func traces(body []byte) ([]byte, error) {
	got := ptraceotlp.NewExportRequest()
	if err := got.UnmarshalProto(body); err != nil {
		return nil, err
	}
	return got.MarshalJSON()
}

func (r *receiver) handle(decode func([]byte) ([]byte, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, asked *http.Request) {
		body, err := io.ReadAll(asked.Body)
		if err == nil {
			body, err = decode(body)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnsupportedMediaType)
			return
		}
		code := r.take(asked.URL.Path, asked.Header, body)
		if code == http.StatusTooManyRequests {
			w.Header().Set("Retry-After", "0")
		}
		w.WriteHeader(code)
		if code >= 300 {
			fmt.Fprintf(w, "answer %d\nand a line more", code)
		}
	}
}

// export takes what came over gRPC: a status of HTTP becomes the nearest code.
func (r *receiver) export(ctx context.Context, path string, body []byte) error {
	headers, _ := metadata.FromIncomingContext(ctx)
	switch code := r.take(path, headers, body); {
	case code < 300:
		return nil
	case code == http.StatusTooManyRequests || code >= 500:
		return status.Error(codes.Unavailable, "not now")
	default:
		return status.Error(codes.InvalidArgument, "not this")
	}
}

type logService struct {
	plogotlp.UnimplementedGRPCServer
	r *receiver
}

func (s logService) Export(ctx context.Context, got plogotlp.ExportRequest) (plogotlp.ExportResponse, error) {
	body, _ := got.MarshalJSON()
	return plogotlp.NewExportResponse(), s.r.export(ctx, "/v1/logs", body)
}

type metricService struct {
	pmetricotlp.UnimplementedGRPCServer
	r *receiver
}

func (s metricService) Export(ctx context.Context, got pmetricotlp.ExportRequest) (pmetricotlp.ExportResponse, error) {
	body, _ := got.MarshalJSON()
	return pmetricotlp.NewExportResponse(), s.r.export(ctx, "/v1/metrics", body)
}

type traceService struct {
	ptraceotlp.UnimplementedGRPCServer
	r *receiver
}

func (s traceService) Export(ctx context.Context, got ptraceotlp.ExportRequest) (ptraceotlp.ExportResponse, error) {
	body, _ := got.MarshalJSON()
	return ptraceotlp.NewExportResponse(), s.r.export(ctx, "/v1/traces", body)
}

func (r *receiver) show(w http.ResponseWriter, _ *http.Request) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	json.NewEncoder(w).Encode(r.received)
}

func (r *receiver) set(w http.ResponseWriter, asked *http.Request) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.received, r.answers = []request{}, nil
	json.NewDecoder(asked.Body).Decode(&r.answers)
}

func listen() net.Listener {
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	return socket
}

func main() {
	r := &receiver{received: []request{}}
	http.HandleFunc("POST /loki/api/v1/push", r.handle(loki))
	http.HandleFunc("POST /v1/logs", r.handle(logs))
	http.HandleFunc("POST /v1/metrics", r.handle(metrics))
	http.HandleFunc("POST /v1/traces", r.handle(traces))
	http.HandleFunc("GET /received", r.show)
	http.HandleFunc("POST /answers", r.set)
	server := grpc.NewServer()
	plogotlp.RegisterGRPCServer(server, &logService{r: r})
	pmetricotlp.RegisterGRPCServer(server, &metricService{r: r})
	ptraceotlp.RegisterGRPCServer(server, &traceService{r: r})
	overHTTP, overGRPC := listen(), listen()
	fmt.Println(overHTTP.Addr().(*net.TCPAddr).Port, overGRPC.Addr().(*net.TCPAddr).Port)
	go server.Serve(overGRPC)
	log.Fatal(http.Serve(overHTTP, nil))
}

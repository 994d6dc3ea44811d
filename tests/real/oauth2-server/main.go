// An authorization server of OAuth 2 for clients with a secret, and a server that takes their
// tokens: both over TLS, in one process.
//
// Arguments: certificate and key, and for how many seconds a token is good. It prints its port.
// POST /token gives tokens to the client "flowmatrix"; POST /push, as Loki's own
// path, is answered with 401 without a token that is good. POST /revoke takes the tokens back, POST /form lets the client log in by the
// form of its request alone, and GET /seen tells as JSON what was asked for so far.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/go-oauth2/oauth2/v4/manage"
	"github.com/go-oauth2/oauth2/v4/models"
	"github.com/go-oauth2/oauth2/v4/server"
	"github.com/go-oauth2/oauth2/v4/store"
)

type seen struct {
	Tokens []map[string][]string `json:"tokens"`
	Logins []string              `json:"logins"`
	Pushes []int                 `json:"pushes"`
}

type service struct {
	mutex   sync.Mutex
	seen    seen
	manager *manage.Manager
	server  *server.Server
}

func (s *service) token(w http.ResponseWriter, r *http.Request) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	name, _, _ := r.BasicAuth()
	r.ParseForm()
	s.seen.Logins = append(s.seen.Logins, name)
	s.seen.Tokens = append(s.seen.Tokens, r.PostForm)
	s.server.HandleTokenRequest(w, r)
}

func (s *service) push(w http.ResponseWriter, r *http.Request) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	code := http.StatusNoContent
	if _, err := s.server.ValidationBearerToken(r); err != nil {
		code = http.StatusUnauthorized
	}
	s.seen.Pushes = append(s.seen.Pushes, code)
	w.WriteHeader(code)
}

func (s *service) revoke(http.ResponseWriter, *http.Request) {
	s.manager.MustTokenStorage(store.NewMemoryTokenStore())
}

func (s *service) form(http.ResponseWriter, *http.Request) {
	s.server.SetClientInfoHandler(server.ClientFormHandler)
}

func (s *service) show(w http.ResponseWriter, _ *http.Request) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	json.NewEncoder(w).Encode(s.seen)
}

func main() {
	seconds, err := strconv.Atoi(os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	manager := manage.NewDefaultManager()
	manager.MustTokenStorage(store.NewMemoryTokenStore())
	clients := store.NewClientStore()
	clients.Set("flowmatrix", &models.Client{ID: "flowmatrix", Secret: "s3cret-of-the-tests"})
	manager.MapClientStorage(clients)
	manager.SetClientTokenCfg(&manage.Config{AccessTokenExp: time.Duration(seconds) * time.Second})
	nothing := seen{[]map[string][]string{}, []string{}, []int{}}
	s := &service{seen: nothing, manager: manager, server: server.NewDefaultServer(manager)}
	s.server.SetClientInfoHandler(server.ClientBasicHandler)
	http.HandleFunc("POST /token", s.token)
	http.HandleFunc("POST /push", s.push)
	http.HandleFunc("POST /loki/api/v1/push", s.push)
	http.HandleFunc("POST /revoke", s.revoke)
	http.HandleFunc("POST /form", s.form)
	http.HandleFunc("GET /seen", s.show)
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(socket.Addr().(*net.TCPAddr).Port)
	log.SetOutput(os.Stderr)
	log.Fatal(http.ServeTLS(socket, nil, os.Args[1], os.Args[2]))
}

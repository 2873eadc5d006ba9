// An extension server in Go, for egxds and for Envoy Gateway alike: it puts a header on all answers.
//
//	go run . --listen 127.0.0.1:5005
//
// The messages and the service are those of Envoy Gateway's own package; protos/extension.proto of egxds says the same.
package main

import (
	"context"
	"flag"
	"log"
	"net"

	"github.com/envoyproxy/gateway/proto/extension"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

type server struct {
	extension.UnimplementedEnvoyGatewayExtensionServer
}

// PostVirtualHostModify is given a virtual host, and returns what is to be used in its place.
func (s *server) PostVirtualHostModify(
	_ context.Context, request *extension.PostVirtualHostModifyRequest,
) (*extension.PostVirtualHostModifyResponse, error) {
	host := request.GetVirtualHost()
	host.ResponseHeadersToAdd = append(host.ResponseHeadersToAdd, &corev3.HeaderValueOption{
		Header: &corev3.HeaderValue{Key: "x-served-by", Value: "an extension in Go"},
	})
	return &extension.PostVirtualHostModifyResponse{VirtualHost: host}, nil
}

func main() {
	address := flag.String("listen", "127.0.0.1:5005", "where to listen for egxds")
	flag.Parse()
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		log.Fatal(err)
	}
	serving := grpc.NewServer(grpc.MaxRecvMsgSize(32 << 20))
	extension.RegisterEnvoyGatewayExtensionServer(serving, &server{})
	healthpb.RegisterHealthServer(serving, health.NewServer())
	log.Printf("listening on %s", listener.Addr())
	log.Fatal(serving.Serve(listener))
}

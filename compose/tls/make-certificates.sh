#!/bin/sh
# Certificates of the dev stack, in secrets/ beside this file: an authority, a broker, a user.
# The folders have the layout of Strimzi's secrets. Needs openssl 3.
set -eu
cd "$(dirname "$0")"
rm -rf secrets
mkdir -p secrets/cluster-ca secrets/user secrets/kafka
ca=secrets/cluster-ca

openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN=dev-ca \
  -keyout "$ca/ca.key" -out "$ca/ca.crt" 2>/dev/null

issue() { # name key certificate [extension]
  openssl req -newkey rsa:2048 -nodes -subj "/CN=$1" ${4:+-addext "$4"} \
    -keyout "$2" -out secrets/request.csr 2>/dev/null
  openssl x509 -req -in secrets/request.csr -CA "$ca/ca.crt" -CAkey "$ca/ca.key" \
    -CAcreateserial -days 365 -copy_extensions copy -out "$3" 2>/dev/null
  rm secrets/request.csr
}

issue kafka secrets/kafka.key secrets/kafka.crt "subjectAltName=DNS:kafka,DNS:localhost,IP:127.0.0.1"
cat secrets/kafka.key secrets/kafka.crt > secrets/kafka/kafka.pem
cp "$ca/ca.crt" secrets/kafka/ca.crt
rm secrets/kafka.key secrets/kafka.crt
issue flowmatrix secrets/user/user.key secrets/user/user.crt

# The containers read them as other users.
chmod -R a+rX secrets
chmod go-rwx "$ca/ca.key"

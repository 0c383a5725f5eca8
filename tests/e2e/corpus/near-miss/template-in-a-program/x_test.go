package x

var a = `
services:
  {{ .Name }}: [
    - /var/run/docker.sock:/x
`

package a

const x = `
services:
  a: [
`

"""Live use: a client and a server that use MS-TRP over real RPC, and a proxy between them."""

"""Live conversations: a client and a server that speak MS-TRP over real RPC, and what lies between them."""

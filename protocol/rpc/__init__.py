"""DCE/RPC over connections (C706 chapter 12, MS-RPCE): PDUs and associations, without any I/O."""

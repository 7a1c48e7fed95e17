"""Connection-oriented DCE/RPC (C706 chapter 12, MS-RPCE): PDUs and associations, without I/O."""

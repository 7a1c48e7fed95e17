"""The machines of MS-TRP as tables of rows; `fsm.machines` has them compiled."""

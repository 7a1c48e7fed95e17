"""The machines of MS-TRP as tables of rows; `fsm.state.machines` has them compiled."""

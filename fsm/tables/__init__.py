"""The machines of MS-TRP as tables of rows; `fsm.state.machines` contains the compiled machines."""

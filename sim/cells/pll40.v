// A phase-locked loop of an iCE40 as a simulation sees it that counts cycles of its output: the
// clock that comes in is the one that goes out, and how much faster that is in truth is for the
// dividers to say. It locks after some cycles, or not at all in reset.
module metabit_pll40 (
    input reference,
    input resetb,
    input bypass,
    output clock,
    output lock
);
    localparam CYCLES = 100;
    reg [$clog2(CYCLES + 1)-1:0] count = 0;
    always @(posedge reference or negedge resetb)
        if (!resetb) count <= 0;
        else if (!lock) count <= count + 1;
    assign clock = reference;
    assign lock = count == CYCLES && !bypass;
endmodule

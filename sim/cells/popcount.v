// What a Popcount computes, without its gates: see metabit.hdl.behavioural.
module metabit_popcount #(
    parameter WIDTH = 64,
    parameter LATENCY = 1
) (
    input clk,
    input [WIDTH-1:0] bits,
    output [$clog2(WIDTH + 1)-1:0] count
);
    reg [$clog2(WIDTH + 1)-1:0] counts[0:LATENCY-1];
    integer stage;
    always @(posedge clk) begin
        counts[0] <= $bits(counts[0])'($countones(bits));
        for (stage = 1; stage < LATENCY; stage = stage + 1) counts[stage] <= counts[stage-1];
    end
    assign count = counts[LATENCY-1];
endmodule

// Block RAM of an ECP5: 18,432 bits behind two ports, as far as synthesis makes use of it.
//
// The bits lie in 512 rows of four bytes of nine. A port sees 16,384 x 1, 8,192 x 2, 4,096 x 4
// (without the ninth bit of each byte), 2,048 x 9, 1,024 x 18 or 512 x 36 of them, always through
// the same 14 address bits, the lower ones of which are left over in the wider forms: with 18 and
// 36 bits, they enable bytes. With 36 bits, port A writes through both ports' data pins, or port B
// reads through both.
//
// A bit that one port reads while the other writes it is unknown, as in the silicon. That the
// ports share a clock is taken for granted. What we do not use is refused: output registers,
// chip-select decoding.

module DP16KD (
    input CLKA, CEA, OCEA, WEA, RSTA, CSA0, CSA1, CSA2,
    input ADA0, ADA1, ADA2, ADA3, ADA4, ADA5, ADA6, ADA7, ADA8, ADA9, ADA10, ADA11, ADA12, ADA13,
    input DIA0, DIA1, DIA2, DIA3, DIA4, DIA5, DIA6, DIA7, DIA8,
    input DIA9, DIA10, DIA11, DIA12, DIA13, DIA14, DIA15, DIA16, DIA17,
    output DOA0, DOA1, DOA2, DOA3, DOA4, DOA5, DOA6, DOA7, DOA8,
    output DOA9, DOA10, DOA11, DOA12, DOA13, DOA14, DOA15, DOA16, DOA17,
    input CLKB, CEB, OCEB, WEB, RSTB, CSB0, CSB1, CSB2,
    input ADB0, ADB1, ADB2, ADB3, ADB4, ADB5, ADB6, ADB7, ADB8, ADB9, ADB10, ADB11, ADB12, ADB13,
    input DIB0, DIB1, DIB2, DIB3, DIB4, DIB5, DIB6, DIB7, DIB8,
    input DIB9, DIB10, DIB11, DIB12, DIB13, DIB14, DIB15, DIB16, DIB17,
    output DOB0, DOB1, DOB2, DOB3, DOB4, DOB5, DOB6, DOB7, DOB8,
    output DOB9, DOB10, DOB11, DOB12, DOB13, DOB14, DOB15, DOB16, DOB17
);
    parameter DATA_WIDTH_A = 18;
    parameter DATA_WIDTH_B = 18;
    parameter REGMODE_A = "NOREG";
    parameter REGMODE_B = "NOREG";
    parameter RESETMODE = "SYNC";
    parameter ASYNC_RESET_RELEASE = "SYNC";
    parameter CSDECODE_A = "0b000";
    parameter CSDECODE_B = "0b000";
    parameter WRITEMODE_A = "NORMAL";
    parameter WRITEMODE_B = "NORMAL";
    parameter CLKAMUX = "CLKA";
    parameter CLKBMUX = "CLKB";
    parameter GSR = "ENABLED";
    parameter [319:0] INITVAL_00 = 320'b0;
    parameter [319:0] INITVAL_01 = 320'b0;
    parameter [319:0] INITVAL_02 = 320'b0;
    parameter [319:0] INITVAL_03 = 320'b0;
    parameter [319:0] INITVAL_04 = 320'b0;
    parameter [319:0] INITVAL_05 = 320'b0;
    parameter [319:0] INITVAL_06 = 320'b0;
    parameter [319:0] INITVAL_07 = 320'b0;
    parameter [319:0] INITVAL_08 = 320'b0;
    parameter [319:0] INITVAL_09 = 320'b0;
    parameter [319:0] INITVAL_0A = 320'b0;
    parameter [319:0] INITVAL_0B = 320'b0;
    parameter [319:0] INITVAL_0C = 320'b0;
    parameter [319:0] INITVAL_0D = 320'b0;
    parameter [319:0] INITVAL_0E = 320'b0;
    parameter [319:0] INITVAL_0F = 320'b0;
    parameter [319:0] INITVAL_10 = 320'b0;
    parameter [319:0] INITVAL_11 = 320'b0;
    parameter [319:0] INITVAL_12 = 320'b0;
    parameter [319:0] INITVAL_13 = 320'b0;
    parameter [319:0] INITVAL_14 = 320'b0;
    parameter [319:0] INITVAL_15 = 320'b0;
    parameter [319:0] INITVAL_16 = 320'b0;
    parameter [319:0] INITVAL_17 = 320'b0;
    parameter [319:0] INITVAL_18 = 320'b0;
    parameter [319:0] INITVAL_19 = 320'b0;
    parameter [319:0] INITVAL_1A = 320'b0;
    parameter [319:0] INITVAL_1B = 320'b0;
    parameter [319:0] INITVAL_1C = 320'b0;
    parameter [319:0] INITVAL_1D = 320'b0;
    parameter [319:0] INITVAL_1E = 320'b0;
    parameter [319:0] INITVAL_1F = 320'b0;
    parameter [319:0] INITVAL_20 = 320'b0;
    parameter [319:0] INITVAL_21 = 320'b0;
    parameter [319:0] INITVAL_22 = 320'b0;
    parameter [319:0] INITVAL_23 = 320'b0;
    parameter [319:0] INITVAL_24 = 320'b0;
    parameter [319:0] INITVAL_25 = 320'b0;
    parameter [319:0] INITVAL_26 = 320'b0;
    parameter [319:0] INITVAL_27 = 320'b0;
    parameter [319:0] INITVAL_28 = 320'b0;
    parameter [319:0] INITVAL_29 = 320'b0;
    parameter [319:0] INITVAL_2A = 320'b0;
    parameter [319:0] INITVAL_2B = 320'b0;
    parameter [319:0] INITVAL_2C = 320'b0;
    parameter [319:0] INITVAL_2D = 320'b0;
    parameter [319:0] INITVAL_2E = 320'b0;
    parameter [319:0] INITVAL_2F = 320'b0;
    parameter [319:0] INITVAL_30 = 320'b0;
    parameter [319:0] INITVAL_31 = 320'b0;
    parameter [319:0] INITVAL_32 = 320'b0;
    parameter [319:0] INITVAL_33 = 320'b0;
    parameter [319:0] INITVAL_34 = 320'b0;
    parameter [319:0] INITVAL_35 = 320'b0;
    parameter [319:0] INITVAL_36 = 320'b0;
    parameter [319:0] INITVAL_37 = 320'b0;
    parameter [319:0] INITVAL_38 = 320'b0;
    parameter [319:0] INITVAL_39 = 320'b0;
    parameter [319:0] INITVAL_3A = 320'b0;
    parameter [319:0] INITVAL_3B = 320'b0;
    parameter [319:0] INITVAL_3C = 320'b0;
    parameter [319:0] INITVAL_3D = 320'b0;
    parameter [319:0] INITVAL_3E = 320'b0;
    parameter [319:0] INITVAL_3F = 320'b0;
    generate
        if (REGMODE_A != "NOREG" || REGMODE_B != "NOREG")
            $error("DP16KD: this model has no output registers");
        if (CSDECODE_A != "0b000" || CSDECODE_B != "0b000")
            $error("DP16KD: this model does not decode chip selects");
        if (RESETMODE != "SYNC" && RESETMODE != "ASYNC")
            $error("DP16KD: RESETMODE must be SYNC or ASYNC");
        if (!known(WRITEMODE_A) || !known(WRITEMODE_B))
            $error("DP16KD: WRITEMODE must be NORMAL, WRITETHROUGH or READBEFOREWRITE");
    endgenerate

    function known(input [127:0] mode);
        known = mode == "NORMAL" || mode == "WRITETHROUGH" || mode == "READBEFOREWRITE";
    endfunction

    wire [13:0] address_a = {ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7,
                             ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0};
    wire [13:0] address_b = {ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7,
                             ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0};
    wire [17:0] pins_a = {DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9,
                          DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2, DIA1, DIA0};
    wire [17:0] pins_b = {DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9,
                          DIB8, DIB7, DIB6, DIB5, DIB4, DIB3, DIB2, DIB1, DIB0};
    wire selected_a = CEA && !CSA0 && !CSA1 && !CSA2;
    wire selected_b = CEB && !CSB0 && !CSB1 && !CSB2;
    wire clock_a = CLKAMUX == "INV" ? !CLKA : CLKA;
    wire clock_b = CLKBMUX == "INV" ? !CLKB : CLKB;

    // First bit of what an address points at, within its row.
    function [5:0] first(input integer width, input [13:0] address);
        case (width)
            36: first = 0;
            18: first = 18 * address[4];
            9: first = 9 * address[4:3];
            4: first = 9 * address[4:3] + 4 * address[2];
            2: first = 9 * address[4:3] + 2 * address[2:1];
            default: first = 9 * address[4:3] + address[2:0];
        endcase
    endfunction

    function [35:0] ones(input integer width);
        ones = {36{1'b1}} >> (36 - width);
    endfunction

    // Bits of its row that a write changes.
    function [35:0] mask(input integer width, input [13:0] address);
        case (width)
            36: mask = {{9{address[3]}}, {9{address[2]}}, {9{address[1]}}, {9{address[0]}}};
            18: mask = {18'b0, {9{address[1]}}, {9{address[0]}}} << first(18, address);
            default: mask = ones(width) << first(width, address);
        endcase
    endfunction

    reg [35:0] rows [0:511];
    reg [35:0] out_a, out_b;

    wire [35:0] row_a = rows[address_a[13:5]];
    wire [35:0] row_b = rows[address_b[13:5]];
    wire [5:0] first_a = first(DATA_WIDTH_A, address_a);
    wire [5:0] first_b = first(DATA_WIDTH_B, address_b);
    wire [35:0] mask_a = selected_a && WEA ? mask(DATA_WIDTH_A, address_a) : 36'b0;
    wire [35:0] mask_b = selected_b && WEB ? mask(DATA_WIDTH_B, address_b) : 36'b0;
    wire [35:0] new_a = (row_a & ~mask_a) |
        ((DATA_WIDTH_A == 36 ? {pins_b, pins_a} : {18'b0, pins_a} << first_a) & mask_a);
    wire [35:0] new_b = (row_b & ~mask_b) |
        ((DATA_WIDTH_B == 36 ? {pins_b, pins_a} : {18'b0, pins_b} << first_b) & mask_b);
    wire same_row = address_a[13:5] == address_b[13:5];

    // What a port reads: before or after its own write, unknown where the other port writes.
    wire [35:0] unknown_a = same_row ? mask_b : 36'b0;
    wire [35:0] unknown_b = same_row ? mask_a : 36'b0;
    wire [35:0] read_a =
        (((WRITEMODE_A == "WRITETHROUGH" ? new_a : row_a) & ~unknown_a) | (36'bx & unknown_a))
        >> first_a & ones(DATA_WIDTH_A);
    wire [35:0] read_b =
        (((WRITEMODE_B == "WRITETHROUGH" ? new_b : row_b) & ~unknown_b) | (36'bx & unknown_b))
        >> first_b & ones(DATA_WIDTH_B);
    wire reading_a = selected_a && !(WEA && WRITEMODE_A == "NORMAL");
    wire reading_b = selected_b && !(WEB && WRITEMODE_B == "NORMAL");

    // Two ports that write bits of the same row at a time would need another model.
    always @(posedge clock_a) if (mask_a != 0) begin
        rows[address_a[13:5]] <= new_a;
        if (mask_b != 0 && same_row) begin
            $display("DP16KD: both ports write the same row");
            $stop;
        end
    end
    always @(posedge clock_b) if (mask_b != 0) rows[address_b[13:5]] <= new_b;

    generate
        if (RESETMODE == "ASYNC") begin
            always @(posedge clock_a, posedge RSTA)
                if (RSTA) out_a <= 0; else if (reading_a) out_a <= read_a;
            always @(posedge clock_b, posedge RSTB)
                if (RSTB) out_b <= 0; else if (reading_b) out_b <= read_b;
        end else begin
            always @(posedge clock_a)
                if (RSTA) out_a <= 0; else if (reading_a) out_a <= read_a;
            always @(posedge clock_b)
                if (RSTB) out_b <= 0; else if (reading_b) out_b <= read_b;
        end
    endgenerate

    wire [17:0] shown_a = DATA_WIDTH_B == 36 ? out_b[17:0] : out_a[17:0];
    wire [17:0] shown_b = DATA_WIDTH_B == 36 ? out_b[35:18] : out_b[17:0];
    assign {DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9,
            DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2, DOA1, DOA0} = shown_a;
    assign {DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9,
            DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2, DOB1, DOB0} = shown_b;

    // Each parameter holds the 18-bit words of eight rows, 20 bits apart.
    localparam [20479:0] CONTENTS = {
        INITVAL_3F, INITVAL_3E, INITVAL_3D, INITVAL_3C, INITVAL_3B, INITVAL_3A, INITVAL_39, INITVAL_38,
        INITVAL_37, INITVAL_36, INITVAL_35, INITVAL_34, INITVAL_33, INITVAL_32, INITVAL_31, INITVAL_30,
        INITVAL_2F, INITVAL_2E, INITVAL_2D, INITVAL_2C, INITVAL_2B, INITVAL_2A, INITVAL_29, INITVAL_28,
        INITVAL_27, INITVAL_26, INITVAL_25, INITVAL_24, INITVAL_23, INITVAL_22, INITVAL_21, INITVAL_20,
        INITVAL_1F, INITVAL_1E, INITVAL_1D, INITVAL_1C, INITVAL_1B, INITVAL_1A, INITVAL_19, INITVAL_18,
        INITVAL_17, INITVAL_16, INITVAL_15, INITVAL_14, INITVAL_13, INITVAL_12, INITVAL_11, INITVAL_10,
        INITVAL_0F, INITVAL_0E, INITVAL_0D, INITVAL_0C, INITVAL_0B, INITVAL_0A, INITVAL_09, INITVAL_08,
        INITVAL_07, INITVAL_06, INITVAL_05, INITVAL_04, INITVAL_03, INITVAL_02, INITVAL_01, INITVAL_00
    };
    integer n;
    initial begin
        out_a = 0;
        out_b = 0;
        for (n = 0; n < 512; n = n + 1)
            rows[n] = {CONTENTS[40 * n + 20 +: 18], CONTENTS[40 * n +: 18]};
    end
endmodule

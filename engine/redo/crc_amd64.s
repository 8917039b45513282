#include "textflag.h"

// func crcThree(crc uint32, p *byte, words, rest int, far, near uint64) uint32
//
// Three runs of CRC32Q beside each other, each over so many words of 8 bytes; then
// the first two are moved over what follows them, and joined. Then the rest, of less
// than 24 bytes.
TEXT ·crcThree(SB), NOSPLIT, $0-52
	MOVL crc+0(FP), AX
	MOVQ p+8(FP), SI
	MOVQ words+16(FP), CX
	LEAQ (SI)(CX*8), DI
	LEAQ (DI)(CX*8), R8
	XORL BX, BX
	XORL DX, DX

loop:
	CRC32Q (SI), AX
	CRC32Q (DI), BX
	CRC32Q (R8), DX
	ADDQ   $8, SI
	ADDQ   $8, DI
	ADDQ   $8, R8
	DECQ   CX
	JNZ    loop

	// A product without carries of two reflected polynomials, which another CRC32Q
	// brings below the generator again.
	MOVQ      AX, X0
	MOVQ      far+32(FP), X1
	PCLMULQDQ $0, X1, X0
	MOVQ      BX, X2
	MOVQ      near+40(FP), X3
	PCLMULQDQ $0, X3, X2
	PXOR      X2, X0
	MOVQ      X0, R9
	XORL      R10, R10
	CRC32Q    R9, R10
	XORL      R10, DX

	MOVQ rest+24(FP), CX
	BTL  $4, CX
	JCC  eight
	CRC32Q (R8), DX
	CRC32Q 8(R8), DX
	ADDQ $16, R8

eight:
	BTL  $3, CX
	JCC  four
	CRC32Q (R8), DX
	ADDQ $8, R8

four:
	BTL  $2, CX
	JCC  two
	CRC32L (R8), DX
	ADDQ $4, R8

two:
	BTL  $1, CX
	JCC  one
	CRC32W (R8), DX
	ADDQ $2, R8

one:
	BTL  $0, CX
	JCC  done
	CRC32B (R8), DX

done:
	MOVL DX, ret+48(FP)
	RET

package workload

// golden1 is how each workload begins for seed 7, client 1 of 4.
var golden1 = map[Kind]string{
	KindBank: `update-k 24262 -59 40B
update-k 86099 +59 40B
--
update-k 52311 -63 40B
update-k 44191 +63 40B
--
`,
	KindUpdate: `update-c 24262 efbe2b00 158B
--
update-c 52311 1933eb9d 158B
--
`,
	KindInsert: `insert 100001 +24263 efbe2b00 177B
--
insert 100005 +52312 1933eb9d 177B
--
`,
	KindWriteOnly: `update-k 24262 +1 39B
update-c 86099 9eaf01f1 158B
delete 32915 34B
insert 32915 +34739 d1fc2a58 176B
--
update-k 52311 +1 39B
update-c 44191 79e9d34b 158B
delete 517 32B
insert 517 +46434 f54164c9 174B
--
`,
	KindReadWrite: `read 24262 36B
read 86099 36B
read 58828 36B
read 32915 36B
read 34738 36B
read 5798 35B
read 75854 36B
read 26874 36B
read 1572 35B
read 27943 36B
range 57764 n=100 54B
sum-range 40955 n=100 59B
order-range 73849 n=100 65B
distinct-range 15554 n=100 74B
update-k 60162 +1 39B
update-c 8045 9115309f 157B
delete 70897 34B
insert 70897 +82387 155eed9b 176B
--
read 52311 36B
read 44191 36B
read 62490 36B
read 517 34B
read 46433 36B
read 34058 36B
read 3435 35B
read 62369 36B
read 84829 36B
read 10428 36B
range 35980 n=100 54B
sum-range 40656 n=100 59B
order-range 36008 n=100 65B
distinct-range 80031 n=100 74B
update-k 30947 +1 39B
update-c 98350 fc1a67ee 158B
delete 42008 34B
insert 42008 +64633 2578bc86 176B
--
`,
}

// goldenZipf is the keys of the first transfers of client 0.
const goldenZipf = "[95081 4720 71684 68563 81727 23047 17476 46217]"

// goldenRow is k and the begin of c of row 5.
const goldenRow = "19088 90944554459-48892449981-"

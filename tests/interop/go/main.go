// Command tlogcheck holds a served log, and the proofs of an evidence bundle of it, against Go's own
// golang.org/x/mod/sumdb note and tlog: the code behind sum.golang.org, which knows nothing of countersign.
//
//	tlogcheck URL VKEY BUNDLE
//
// URL serves /checkpoint and /tile/…; BUNDLE is a directory with data/proofs and data/entries.
package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const tileHeight = 8

func main() {
	log.SetFlags(0)
	if len(os.Args) != 4 {
		log.Fatal("usage: tlogcheck URL VKEY BUNDLE")
	}
	base, bundle := strings.TrimSuffix(os.Args[1], "/"), os.Args[3]
	key, err := note.NewVerifier(os.Args[2])
	must(err, "the verifier key")

	tree := checkpoint(fetch(base+"/checkpoint"), key)
	hashes := tlog.TileHashReader(tree, served{base})
	entries := bundles(base, tree, hashes)
	proofs := files(bundle, key, entries)
	steps := consistent(tree, hashes)
	full := upper(entries, hashes)
	if full < 1 || proofs < 2 || steps < 2 {
		log.Fatal("there is nothing to check: no full tile, no proofs or no earlier size")
	}
	fmt.Printf("checkpoint of size %d, %d entries in bundles under hash tiles, %d full tiles under level 1, %d proof files, %d consistency proofs\n",
		tree.N, len(entries), full, proofs, steps)
}

func must(err error, what string) {
	if err != nil {
		log.Fatalf("%s: %v", what, err)
	}
}

func fetch(url string) []byte {
	answer, err := http.Get(url)
	must(err, "GET "+url)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	must(err, "GET "+url)
	if answer.StatusCode != http.StatusOK {
		log.Fatalf("GET %s: %s", url, answer.Status)
	}
	return body
}

// checkpoint opens a note with the log's key: three lines and no more.
func checkpoint(data []byte, key note.Verifier) tlog.Tree {
	opened, err := note.Open(data, note.VerifierList(key))
	must(err, "the checkpoint")
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[3] != "" || lines[0] != key.Name() {
		log.Fatalf("not the three lines of a checkpoint of %s: %q", key.Name(), opened.Text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err, "the size")
	root, err := tlog.ParseHash(lines[2])
	must(err, "the root")
	return tlog.Tree{N: size, Hash: root}
}

// served reads tiles from a server; what it gives is checked by tlog against the checkpoint.
type served struct{ base string }

func (served) Height() int { return tileHeight }

func (s served) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for at, tile := range tiles {
		data[at] = fetch(s.base + "/" + strings.Replace(tile.Path(), "tile/8/", "tile/", 1))
	}
	return data, nil
}

func (served) SaveTiles([]tlog.Tile, [][]byte) {}

// bundles reads every entry and holds it against its leaf in the tiles.
func bundles(base string, tree tlog.Tree, hashes tlog.HashReader) [][]byte {
	var entries [][]byte
	for first := int64(0); first < tree.N; first += 256 {
		width := min(256, tree.N-first)
		tile := tlog.Tile{H: tileHeight, L: 0, N: first / 256, W: int(width)}
		data := fetch(base + "/" + strings.Replace(tile.Path(), "tile/8/0/", "tile/entries/", 1))
		for index := first; index < first+width; index++ {
			if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
				log.Fatalf("the bundle of entry %d is cut", index)
			}
			end := 2 + int(binary.BigEndian.Uint16(data))
			leaf, err := hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
			must(err, "the tiles")
			if leaf[0] != tlog.RecordHash(data[2:end]) {
				log.Fatalf("entry %d is not the one in the tiles", index)
			}
			entries, data = append(entries, data[2:end]), data[end:]
		}
		if len(data) != 0 {
			log.Fatalf("bytes behind the bundle of entry %d", first)
		}
	}
	return entries
}

// upper holds the hashes of level 1 against the entries of the full tiles below them.
func upper(entries [][]byte, hashes tlog.HashReader) int {
	const width = 1 << tileHeight
	full := len(entries) / width
	for tile := 0; tile < full; tile++ {
		var level []tlog.Hash
		for _, entry := range entries[tile*width : (tile+1)*width] {
			level = append(level, tlog.RecordHash(entry))
		}
		for len(level) > 1 {
			for pair := 0; pair < len(level)/2; pair++ {
				level[pair] = tlog.NodeHash(level[2*pair], level[2*pair+1])
			}
			level = level[:len(level)/2]
		}
		above, err := hashes.ReadHashes([]int64{tlog.StoredHashIndex(tileHeight, int64(tile))})
		must(err, "the tiles of level 1")
		if above[0] != level[0] {
			log.Fatalf("level 1 has another hash of tile %d", tile)
		}
	}
	return full
}

// files checks the proof of each entry of an evidence bundle, and that it is an entry of the served log.
func files(bundle string, key note.Verifier, entries [][]byte) int {
	paths, err := filepath.Glob(filepath.Join(bundle, "data/proofs/*.tlog-proof"))
	must(err, "the bundle")
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".tlog-proof")
		text, err := os.ReadFile(path)
		must(err, path)
		entry, err := os.ReadFile(filepath.Join(bundle, "data/entries", name+".cbor"))
		must(err, path)
		index := proof(path, string(text), entry, key)
		if index >= int64(len(entries)) || string(entries[index]) != string(entry) {
			log.Fatalf("%s: another entry than the server's", path)
		}
	}
	return len(paths)
}

// proof reads one proof file and checks it; the answer is the entry's place.
func proof(path, text string, entry []byte, key note.Verifier) int64 {
	head, signed, found := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" {
		log.Fatalf("%s: no proof file", path)
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	must(err, path)
	var hashes tlog.RecordProof
	for _, line := range lines[2:] {
		hash, err := tlog.ParseHash(line)
		must(err, path)
		hashes = append(hashes, hash)
	}
	tree := checkpoint([]byte(signed), key)
	leaf := tlog.RecordHash(entry)
	must(tlog.CheckRecord(hashes, tree.N, tree.Hash, index, leaf), path)
	other := leaf
	other[0] ^= 1
	if tlog.CheckRecord(hashes, tree.N, tree.Hash, index, other) == nil {
		log.Fatalf("%s: proves another entry as well", path)
	}
	return index
}

// consistent proves every earlier size from the served tiles.
func consistent(tree tlog.Tree, hashes tlog.HashReader) int {
	steps := 0
	for size := int64(1); size < tree.N; size++ {
		root, err := tlog.TreeHash(size, hashes)
		must(err, "the tiles")
		path, err := tlog.ProveTree(tree.N, size, hashes)
		must(err, "a consistency proof")
		must(tlog.CheckTree(path, tree.N, tree.Hash, size, root), "a consistency proof")
		steps++
	}
	return steps
}

package browser

// Misplaced returns what is wrong with the layout of the page, by geometry: a page
// wider than the window; text that stands outside the window or is cut off by
// something around it, unless that scrolls; text on text; text of a picture outside
// its picture.
func (b *Browser) Misplaced() []string {
	b.t.Helper()
	return b.Words(misplaced)
}

const misplaced = `(() => {
	const wrong = [], wide = document.documentElement.clientWidth, name = (e) => e.tagName.toLowerCase() + (e.className && e.className.baseVal === undefined ? "." + e.className : "") + " " + JSON.stringify(e.textContent.trim().slice(0, 50));
	if (document.documentElement.scrollWidth > wide) wrong.push("the page is " + document.documentElement.scrollWidth + " wide in a window of " + wide);
	const seen = (e) => { for (; e; e = e.parentElement) { const s = getComputedStyle(e); if (s.display === "none" || s.visibility === "hidden" || s.clipPath !== "none" || s.position === "fixed" || parseFloat(s.left) < -500) return false; } return true; };
	const scrolls = (s) => s === "auto" || s === "scroll";
	const texts = [];
	const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	for (let n; (n = walk.nextNode());) {
		const e = n.parentElement;
		if (!n.data.trim() || /^(SCRIPT|STYLE|TITLE|DESC)$/i.test(e.tagName) || !seen(e)) continue;
		const folded = e.closest("details:not([open])");
		if (folded && !e.closest("summary")) continue;
		const range = document.createRange();
		range.selectNodeContents(n);
		const svg = e.closest("svg");
		// What stretches a text of a picture to its length is not in the range's rectangles.
		for (const r of svg ? [e.getBoundingClientRect()] : range.getClientRects()) {
			if (r.width < 1 || r.height < 1) continue;
			if (svg) {
				const f = svg.getBoundingClientRect();
				if (r.left < f.left - 1 || r.right > f.right + 1 || r.top < f.top - 1 || r.bottom > f.bottom + 1) wrong.push("outside its picture: " + name(e));
				continue;
			}
			let inScroll = false;
			for (let p = e; p && p !== document.body; p = p.parentElement) {
				const s = getComputedStyle(p);
				if (s.overflowX === "visible" && s.overflowY === "visible") continue;
				const f = p.getBoundingClientRect();
				if (scrolls(s.overflowX)) inScroll = true;
				else if (s.overflowX !== "visible" && (r.left < f.left - 1 || r.right > f.right + 1)) { wrong.push("cut off sideways by " + name(p) + ": " + name(e)); break; }
				if (!scrolls(s.overflowY) && s.overflowY !== "visible" && (r.top < f.top - 2 || r.bottom > f.bottom + 2)) { wrong.push("cut off by " + name(p) + ": " + name(e)); break; }
			}
			if (!inScroll && (r.left < -1 || r.right > wide + 1)) wrong.push("outside the window: " + name(e) + " from " + r.left + " to " + r.right);
			texts.push({ e, r });
		}
	}
	// Lines of text overlap a little where they are set tight: 4 pixels say no more.
	texts.sort((a, b) => a.r.top - b.r.top);
	for (let i = 0; i < texts.length; i++) {
		for (let j = i + 1; j < texts.length && texts[j].r.top < texts[i].r.bottom - 4; j++) {
			const a = texts[i].r, c = texts[j].r;
			if (texts[i].e.closest(".scroll") !== texts[j].e.closest(".scroll")) continue;
			if (Math.min(a.right, c.right) - Math.max(a.left, c.left) > 2 && Math.min(a.bottom, c.bottom) - Math.max(a.top, c.top) > 4) wrong.push("text on text: " + name(texts[i].e) + " and " + name(texts[j].e));
		}
	}
	return [...new Set(wrong)].slice(0, 20);
})()`

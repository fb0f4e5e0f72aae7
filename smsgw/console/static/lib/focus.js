// Who works with keys or listens keeps their place when what had the focus is taken away, such as the row of a pause that was resumed.

const HOMES = ".card, dialog, [role=tabpanel], main";

// The nearest thing around it that is still there gets the focus; Tab goes on from its beginning.
export function keepFocus() {
  let around = [];
  addEventListener("focusin", ({ target }) => {
    around = [];
    for (let each = target; each; each = each.parentElement) around.push(each);
  });
  new MutationObserver(() => {
    if (document.activeElement !== document.body || around.length === 0 || around[0].isConnected) return;
    const home = around.find((each) => each.isConnected && each.matches(HOMES));
    if (!home) return;
    home.tabIndex = -1;
    home.focus({ preventScroll: true });
  }).observe(document.body, { childList: true, subtree: true });
}

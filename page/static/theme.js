/** Light, dark, or as the system has it; kept by the browser. */

const KEPT = "flowmatrix-theme";

/** @param {HTMLSelectElement} select */
export function theme(select) {
  const root = document.documentElement;
  root.dataset.theme = localStorage.getItem(KEPT) ?? "auto";
  select.value = root.dataset.theme;
  select.addEventListener("change", () => {
    root.dataset.theme = select.value;
    localStorage.setItem(KEPT, select.value);
  });
}

// On a narrow window the form and the result are one below the other: after a press the affected part is scrolled into
// view.
export function reveal(element: HTMLElement | null): void {
  if (window.matchMedia?.('(width < 48rem)').matches) element?.scrollIntoView({ block: 'start' });
}

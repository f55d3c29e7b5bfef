// Numbers and sentences for display.

export function seconds(value: number): string {
  if (!Number.isFinite(value) || value < 0) return '';
  if (value < 10) return `${value.toFixed(1)} s`;
  if (value < 90) return `${Math.round(value)} s`;
  const minutes = Math.floor(value / 60);
  return `${minutes} min ${String(Math.round(value - minutes * 60)).padStart(2, '0')} s`;
}

export function speed(stepsPerSecond: number): string {
  if (!(stepsPerSecond > 0)) return '';
  return stepsPerSecond >= 1
    ? `${stepsPerSecond.toFixed(1)} steps/s`
    : `${(1 / stepsPerSecond).toFixed(1)} s/step`;
}

// The station's sentences start with a lower case letter and have no full stop, for use after a colon; here they are
// whole sentences.
export function sentence(text: string): string {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(whole) ? whole : `${whole}.`;
}

// A warning without the advice about `exact_size`, which has no control in the page.
export const warningText = (text: string): string => sentence(text.replace(/ \(exact_size [^)]*\)/, ''));

export function gigabytes(megabytes: number): string {
  return `${(megabytes / 1024).toFixed(1)} GB`;
}

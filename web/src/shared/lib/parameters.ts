// Rules of a parameter table, without React: which rows are shown, what a text in a field means, and why it is refused.
// Limits, defaults and choices are those of the row.
import type { Input, Parameter } from '../../api/types';

export type Values = Record<string, string>; // by parameter name, as typed

// Roles of the attachments that are present.
export type Attached = ReadonlySet<string>;

export const isShown = ({ needs }: Parameter, attached: Attached): boolean => needs === '' || attached.has(needs);

export const valueOf = (row: Parameter, values: Values): string => values[row.name] ?? row.default_value;

// What a list offers: the row's choices, '' where the row leaves the default to the model, and the current value, which
// another client may have written differently.
export function choicesOf(row: Parameter, value: string): string[] {
  return [...new Set([...(row.default_value === '' ? [''] : []), ...row.choices, value])];
}

export const isNumeric = ({ kind }: Parameter): boolean => kind === 'integer' || kind === 'number';

const gridStep = ({ kind, step }: Parameter): number => (kind === 'integer' && step !== null && step > 1 ? step : 1);

// "1 to 150", "at least 1", or ''.
export function rangeText({ minimum, maximum }: Parameter): string {
  if (minimum !== null && maximum !== null) return `${minimum} to ${maximum}`;
  if (minimum !== null) return `at least ${minimum}`;
  return maximum === null ? '' : `at most ${maximum}`;
}

// The line below a control: its help, and its range with the unit.
export function helpText(row: Parameter): string {
  const range = isNumeric(row) ? [rangeText(row), row.unit].filter(Boolean).join(' ') : '';
  return [row.help, range].filter(Boolean).join(' · ');
}

// A seed has 64 bits, more than a number of JavaScript holds: it stays a text.
const seedMax = (1n << 64n) - 1n;
export const isAnySeed = (text: string): boolean => text === '' || text === '-1'; // as other programs write it

function seedProblem({ title }: Parameter, text: string): string | null {
  if (isAnySeed(text) || (/^\d{1,40}$/.test(text) && BigInt(text) <= seedMax)) return null;
  return `${title}: expected a whole number from 0 to ${seedMax}, or nothing for a random one.`;
}

function numberProblem(row: Parameter, text: string): string | null {
  const { title, minimum, maximum, kind } = row;
  const value = Number(text);
  const range = rangeText(row);
  const step = gridStep(row);
  const onGrid = kind === 'number' ? Number.isFinite(value) : Number.isInteger(value / step);
  if (text.trim() === '' || !onGrid) {
    const what = kind === 'number' ? 'a number' : step > 1 ? `a multiple of ${step}` : 'a whole number';
    const example = row.default_value && `, for example ${row.default_value}`;
    return `${title}: expected ${what}${range && `, ${range}`}${example}.`;
  }
  const outside = (minimum !== null && value < minimum) || (maximum !== null && value > maximum);
  return outside ? `${title}: ${text.trim()} is out of range. Choose ${range}.` : null;
}

// Why a text cannot be sent, in a sentence. An empty field leaves the value to the model.
export function problemOf(row: Parameter, text: string): string | null {
  if (text === '') return null;
  if (row.kind === 'seed') return seedProblem(row, text);
  return isNumeric(row) ? numberProblem(row, text) : null;
}

export function firstProblem(rows: Parameter[], values: Values, attached: Attached): string | null {
  for (const row of rows) {
    const problem = isShown(row, attached) ? problemOf(row, valueOf(row, values)) : null;
    if (problem) return problem;
  }
  return null;
}

function typed({ kind }: Parameter, text: string): string | number | boolean {
  if (kind === 'integer' || kind === 'number') return Number(text);
  if (kind === 'boolean') return text === 'true';
  return text;
}

// The members of a request: rows whose value differs from the default, which is left to the model.
export function inputOf(rows: Parameter[], values: Values, attached: Attached): Input {
  const input: Input = {};
  for (const row of rows) {
    const text = valueOf(row, values);
    if (text === '' || !isShown(row, attached)) continue;
    if (row.kind === 'seed') {
      if (!isAnySeed(text)) input[`${row.name}_text`] = text;
    } else if (typed(row, text) !== typed(row, row.default_value)) {
      input[row.name] = typed(row, text);
    }
  }
  return input;
}

export interface SliderRange {
  minimum: number;
  maximum: number;
  step: number;
}

const sliderStops = 100;

// A slider has one stop per step. Of a long range it covers the part up to three times the default; the field beside it
// takes every value. Null without both limits.
export function sliderRange({ kind, minimum, maximum, step, default_value }: Parameter): SliderRange | null {
  if (minimum === null || maximum === null) return null;
  const size = step ?? (kind === 'integer' ? 1 : (maximum - minimum) / sliderStops);
  if (maximum - minimum <= sliderStops * size) return { minimum, maximum, step: size };
  const usual = Number(default_value) > 0 ? 3 * Number(default_value) : minimum + sliderStops * size;
  return { minimum, maximum: Math.min(maximum, usual), step: size };
}

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

const automatic = 'Automatic';

// The title of a choice; '' leaves it to the model.
export function choiceTitle({ choices, choice_titles }: Parameter, choice: string): string {
  if (choice === '') return automatic;
  return choice_titles[choices.indexOf(choice)] ?? choice.charAt(0).toUpperCase() + choice.slice(1);
}

export const isNumeric = ({ kind }: Parameter): boolean => kind === 'integer' || kind === 'number';

const gridStep = ({ kind, step }: Parameter): number => (kind === 'integer' && step !== null && step > 1 ? step : 1);

// "1 to 150", "at least 1", "above 0 and at most 1", or ''.
export function rangeText({ minimum, maximum, exclusive_minimum }: Parameter): string {
  const low = minimum === null ? '' : `${exclusive_minimum ? 'above' : 'at least'} ${minimum}`;
  const high = maximum === null ? '' : `at most ${maximum}`;
  if (low && high) return exclusive_minimum ? `${low} and ${high}` : `${minimum} to ${maximum}`;
  return low || high;
}

const isList = ({ kind }: Parameter): boolean => kind === 'choice' || kind === 'model';

// The help of a row says what an empty value means. A list shows it as a choice, where the row has no default.
function listHelp({ help, default_value }: Parameter): string {
  if (default_value !== '') return help.replace(/(?:^|; )empty: [^;]*$/i, '');
  return help.replace(/\bempty: /i, `${automatic}: `);
}

// The line below a control: its help, and its range with the unit.
export function helpText(row: Parameter): string {
  const range = isNumeric(row) ? [rangeText(row), row.unit].filter(Boolean).join(' ') : '';
  return [isList(row) ? listHelp(row) : row.help, range].filter(Boolean).join(' · ');
}

// A seed has 64 bits, more than a number of JavaScript holds: it stays a text.
const seedMax = (1n << 64n) - 1n;
export const isAnySeed = (text: string): boolean => text === '' || text === '-1'; // as other programs write it

function seedProblem({ title }: Parameter, text: string): string | null {
  if (isAnySeed(text) || (/^\d{1,40}$/.test(text) && BigInt(text) <= seedMax)) return null;
  return `${title}: expected a whole number from 0 to ${seedMax}, or nothing for a random one.`;
}

function numberProblem(row: Parameter, text: string): string | null {
  const { title, minimum, maximum, exclusive_minimum, kind } = row;
  const value = Number(text);
  const range = rangeText(row);
  const step = gridStep(row);
  const onGrid = kind === 'number' ? Number.isFinite(value) : Number.isInteger(value / step);
  if (text.trim() === '' || !onGrid) {
    const what = kind === 'number' ? 'a number' : step > 1 ? `a multiple of ${step}` : 'a whole number';
    const example = row.default_value && `, for example ${row.default_value}`;
    const within = range && (/^\S+ to /.test(range) ? ` from ${range}` : ` ${range}`);
    return `${title}: expected ${what}${within}${example}.`;
  }
  const low = minimum !== null && (exclusive_minimum ? value <= minimum : value < minimum);
  const outside = low || (maximum !== null && value > maximum);
  return outside ? `${title}: ${text.trim()} is out of range. Choose ${range}.` : null;
}

function textProblem({ title, bytes_max }: Parameter, text: string): string | null {
  const bytes = new TextEncoder().encode(text).length;
  if (bytes_max === null || bytes <= bytes_max) return null;
  return `${title}: the text is ${bytes} bytes long. Use at most ${bytes_max}.`;
}

// Why a text cannot be sent, in a sentence. An empty field leaves the value to the model.
export function problemOf(row: Parameter, text: string): string | null {
  if (text === '') return null;
  if (row.kind === 'seed') return seedProblem(row, text);
  return isNumeric(row) ? numberProblem(row, text) : textProblem(row, text);
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

const stopsWithoutStep = 100;

// Null without both limits. Where usual values end earlier than the range, so does the slider; the field beside it takes
// every value.
export function sliderRange(row: Parameter): SliderRange | null {
  const { kind, minimum, maximum } = row;
  if (minimum === null || maximum === null) return null;
  const step = row.step ?? (kind === 'integer' ? 1 : (maximum - minimum) / stopsWithoutStep);
  return { minimum: row.exclusive_minimum ? minimum + step : minimum, maximum: row.slider_maximum ?? maximum, step };
}

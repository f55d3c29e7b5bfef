import { expect, test } from 'vitest';

import { cardWith, modelOf, row } from '../../testing/values';
import type { Model, Parameter } from '../../api/types';
import { rowsFor, servedBy } from './models';

const scale = (value: string) => row('scale', 'integer', value);
const card = (id: string, value: string, problem = '') => ({
  ...cardWith([row('model', 'model'), scale(value)]), id, title: `Title of ${id}`, problem,
});

test('models are listed for the tasks that they serve, with the rows of the task', () => {
  const models = [modelOf(card('a', '2'), 'upscale'), modelOf(card('b', '4'), 'classify')];
  expect(servedBy(models, 'upscale')).toEqual([card('a', '2')]);
  expect(servedBy(models, 'caption')).toEqual([]);
});

test('a form has the rows of the selected model, and lists the usable models', () => {
  const models = [card('a', '2'), card('broken', '3', 'cut short'), card('b', '4')].map((each) => modelOf(each, 'upscale'));
  const rows = (table: Parameter[], some: Model[], selected: string) => rowsFor(table, 'upscale', some, { model: selected }, {});
  const [model, second] = rows([row('model', 'model'), scale('1')], models, 'b');
  expect(model).toMatchObject({ choices: ['a', 'b'], choice_titles: ['Title of a', 'Title of b'] });
  expect(second?.default_value).toBe('4');
  expect(rows([row('model', 'model')], models, 'broken').map((each) => each.default_value)).toEqual(['', '2']);
  expect(rows([], models.slice(0, 1), '').map(({ name }) => name)).toEqual(['scale']); // nothing to choose
  expect(rows([scale('1')], [], '')).toEqual([scale('1')]);
});

test('a task without models of its own lists those of the tasks that its rows name', () => {
  const models = [modelOf(card('a', '2'), 'upscale'), modelOf(card('b', '4'), 'upscale'), modelOf(card('c', '1'), 'generate')];
  const table = [row('upscaler', 'model', '', { list: 'upscale' }), row('model', 'model', '', { list: 'generate' }), scale('2')];
  const rows = rowsFor(table, 'enhance', models, {}, {});
  expect(rows.map(({ name }) => name)).toEqual(['upscaler', 'scale']); // one model refines
  expect(rows[0]).toMatchObject({ choices: ['a', 'b'] });
});

test('a form without a selection has the rows of the default model and names it', () => {
  const help = 'Id of a model; empty: the default';
  const table = [row('model', 'model', '', { help }), scale('1')];
  const models = ['2', '4'].map((value) =>
    modelOf({ ...card(value === '4' ? 'b' : 'a', value), parameters: [row('model', 'model', '', { help }), scale(value)] }, 'upscale'));
  const [model, second] = rowsFor(table, 'upscale', models, {}, { upscale: 'b' });
  expect(second?.default_value).toBe('4');
  expect(rowsFor(table, 'upscale', models, { model: 'a' }, { upscale: 'b' })[1]?.default_value).toBe('2');
  expect(model?.help).toBe('Id of a model; empty: Title of b');
});

test('a row without a default takes that of the model which a composite task names', () => {
  const steps = (value: string) => row('steps', 'integer', value);
  const refines = (id: string, value: string) => modelOf({ ...cardWith([steps(value)]), id }, 'generate');
  const models = [refines('slow', '30'), refines('fast', '4')];
  const table = [row('model', 'model', '', { list: 'generate' }), steps(''), scale('2')];
  const defaults = { generate: 'fast' };
  expect(rowsFor(table, 'enhance', models, {}, defaults).map((each) => each.default_value)).toEqual(['', '4', '2']);
  expect(rowsFor(table, 'enhance', models, { model: 'slow' }, defaults)[1]?.default_value).toBe('30');
});

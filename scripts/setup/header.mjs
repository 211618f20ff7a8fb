/**
 * Headers that the kernels in native/ are compiled with: the table of operations (src/training/engine/operations/table.ts),
 * and for the card the source of its kernels, which it compiles itself.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from './steps.mjs';

/** As it was built, since what npm packed has no sources. */
const table = () => import(pathToFileURL(join(ROOT, 'dist/training/engine/operations/table.js')).href);

const list = (values) => `{${values.join(', ')}}`;
const quoted = (text) => `"${text}"`;

/** An axis as operation.h takes it: letter, number, divisor, index of the attribute that divides. */
function axis({ size, over }, attributes) {
  const letter = typeof size === 'number' ? 0 : `'${size}'`;
  const number = typeof size === 'number' ? size : 0;
  return list([letter, number, ...(typeof over === 'number' ? [over, -1] : [1, attributes.indexOf(over)])]);
}

const argument =
  (attributes) =>
  ({ name, optional, axes }) =>
    `\n         ${list([quoted(name), optional, list(axes.map((own) => axis(own, attributes)))])}`;

const members = (kind, names) => `  enum ${kind} ${list(names)};`;

function structure(op, inputs, outputs, { attributes }) {
  const names = (of) => of.map(({ name }) => name);
  return [
    `struct ${op.slice('X3d'.length)} {`,
    members('Input', names(inputs)),
    members('Output', names(outputs)),
    ...(attributes.length > 0 ? [members('Attribute', attributes)] : ['  enum Attribute {};']),
    '  static const Operation& described() {',
    '    static const Operation operation = {',
    `        ${quoted(op)},`,
    `        ${list(inputs.map(argument(attributes)))},`,
    `        ${list(outputs.map(argument(attributes)))},`,
    `        ${list(attributes.map(quoted))}};`,
    '    return operation;',
    '  }',
    '};',
  ].join('\n');
}

/** operations.h. */
export async function header() {
  const { OPERATIONS, inputsOf, outputsOf } = await table();
  const all = Object.entries(OPERATIONS);
  const types = (entries) => entries.map(([op]) => op.slice('X3d'.length)).join(', ');
  return [
    '// Made by set-up of src/training/engine/operations/table.ts.',
    '#pragma once',
    '#include "operation.h"',
    '',
    'namespace x3d {',
    '',
    ...all.map(([op, own]) => `${structure(op, inputsOf(op), outputsOf(op), own)}\n`),
    `using All = Operations<${types(all)}>;`,
    `using OnTheCard = Operations<${types(all.filter(([, { card }]) => card))}>;`,
    '',
    '}  // namespace x3d',
    '',
  ].join('\n');
}

/** source.h: what NVRTC compiles, as texts. */
export function cardSource() {
  const text = (name, file) =>
    `inline const char* const ${name} = R"cuda(${readFileSync(join(ROOT, 'native/card', file), 'utf8')})cuda";`;
  return [
    '// Made by set-up of channelwise.h and channelwise.cu.',
    '#pragma once',
    '',
    'namespace x3d {',
    'namespace card {',
    '',
    text('kHeader', 'channelwise.h'),
    text('kSource', 'channelwise.cu'),
    '',
    '}  // namespace card',
    '}  // namespace x3d',
    '',
  ].join('\n');
}

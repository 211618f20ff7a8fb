/** The flag that gives fields of a recipe. The schema checks them. */
import { InvalidArgumentError, Option } from 'commander';
import { RecipeInput } from '../training/recipe.js';
import { numeric } from './flags.js';

export type Value = number | string | boolean;

function recipeField(text: string, before: Record<string, Value> = {}): Record<string, Value> {
  const [, key, value] = /^(\w+)=(.+)$/.exec(text) ?? [];
  if (key === undefined || value === undefined)
    throw new InvalidArgumentError('Expected a field as epochs=100.');
  return { ...before, [key]: value === 'true' || value === 'false' ? value === 'true' : numeric(value) };
}

export const recipeOption = () =>
  new Option(
    '--recipe <field=value>',
    `a field of the recipe, as epochs=100; may be repeated: ${Object.keys(RecipeInput.properties).join(', ')}`,
  ).argParser(recipeField);

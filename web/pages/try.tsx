export const Try = (_: { search: string }) => null;

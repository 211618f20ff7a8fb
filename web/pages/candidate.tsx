export const Candidate = (_: { search: string; candidate: string }) => null;
export const Found = (_: { search: string }) => null;

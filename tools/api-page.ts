export function apiPage(): string {
  return "# API\n";
}

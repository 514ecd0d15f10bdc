// Says whether everyone got everything, and prints the count.

import { createHash } from 'node:crypto';

import { MIX } from './clients.mjs';

/** Prints a table by transport; the answer is the list of what is wrong. */
export function judge(reports, total, published) {
  const problems = judgeNumbers(reports, total, published);
  for (const [index, report] of reports.entries()) {
    const who = `${report.transport} subscriber ${index}`;
    problems.push(...report.problems.map((problem) => `${who}: ${problem}`));
    if (report.last !== total) problems.push(`${who}: ended at offset ${report.last} of ${total}`);
    if (report.seen + report.told !== total) {
      problems.push(`${who}: ${report.seen} seen and ${report.told} told missing make not ${total}`);
    }
  }

  const columns = ['transport', 'subscribers', 'complete', 'told of a gap', 'messages', 'told missing', 'resumed'];
  const row = (name, of) => {
    const sum = (value) => of.reduce((all, report) => all + value(report), 0);
    return [name, of.length, sum(({ seen }) => Number(seen === total)), sum(({ gaps }) => Number(gaps > 0)),
      sum(({ seen }) => seen), sum(({ told }) => told), sum(({ resumes }) => resumes)];
  };
  const rows = Object.keys(MIX).map((name) => row(name, reports.filter(({ transport }) => transport === name)));
  for (const cells of [columns, ...rows, row('all', reports)]) {
    console.log(cells.map((cell, index) => String(cell)[index ? 'padStart' : 'padEnd'](14)).join(''));
  }
  return problems;
}

/** Every complete subscriber saw the messages in the same order, and that is each published one once. */
function judgeNumbers(reports, total, published) {
  const problems = [];
  const numbers = published.map(({ number }) => number);
  if (new Set(numbers).size !== total || numbers.length !== total) {
    problems.push(`the history has ${numbers.length} messages, ${new Set(numbers).size} different ones, of ${total}`);
  }
  const digest = createHash('sha256').update(numbers.map((number) => `${number},`).join('')).digest('hex');
  const unlike = reports.filter((report) => report.seen === total && report.digest !== digest);
  if (unlike.length > 0) problems.push(`${unlike.length} subscribers saw other messages than the history has`);
  return problems;
}

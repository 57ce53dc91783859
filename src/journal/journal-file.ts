import Sqlite from 'better-sqlite3';
import { closeSync, mkdirSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Logger } from '../core/logger.js';
import { MIGRATIONS } from './tables.js';

/** An admin who looks into the file with another program makes us wait so long, and then we go on without the entry. */
const BUSY_MS = 100;
/** The file beside the database is cut to this after what it holds was moved over. */
const MAX_WAL_BYTES = 4 * 1024 * 1024;

/** As SQLite numbers what `auto_vacuum` may be. */
const INCREMENTAL = 2;

/** What may stand for `?` in a statement. */
export type SqlValue = string | number | null;

export type JournalFileOptions = { readonly path: string; readonly maxBytes: number; readonly log: Logger };

/**
 * The database file: made, brought to the current tables, and made anew when it is damaged (the damaged one is kept beside it). Where there can be no file it is in
 * memory, so that whoever writes need not ask.
 */
export class JournalFile {
  readonly #path: string;
  readonly #maxBytes: number;
  readonly #log: Logger;
  readonly #statements = new Map<string, Sqlite.Statement<SqlValue[]>>();
  #database: Sqlite.Database;
  #trouble: string | null = null;
  /** Entries that could not be written since it last worked. */
  #lost = 0;
  /** Rows that were written: to read, or to change nothing, works on a full disk, too. */
  #changes = 0;

  constructor({ path, maxBytes, log }: JournalFileOptions) {
    this.#path = path;
    this.#maxBytes = maxBytes;
    this.#log = log;
    this.#database = this.#open();
  }

  get trouble(): string | null {
    return this.#trouble;
  }

  /** Carries out `work`, all of it or nothing; returns `otherwise` when that fails. Never throws. */
  attempt<Result>(work: () => Result, otherwise: Result): Result {
    try {
      const before = this.#changes;
      const result = this.#database.transaction(work)();
      if (this.#changes > before) this.#works();
      return result;
    } catch (error) {
      this.#failed(error);
      return otherwise;
    }
  }

  /** Within `attempt`; returns how many rows it changed. */
  run(sql: string, ...values: readonly SqlValue[]): number {
    const { changes } = this.#statement(sql).run(...values);
    this.#changes += changes;
    return changes;
  }

  /** Within `attempt`. */
  all(sql: string, ...values: readonly SqlValue[]): readonly unknown[] {
    return this.#statement(sql).all(...values);
  }

  /** Gives what deleted rows took back to the disk, a piece at a time. */
  shrink(): void {
    try {
      this.#database.pragma('incremental_vacuum(1000)');
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Idempotent. */
  close(): void {
    this.#statements.clear();
    this.#database.close();
  }

  #statement(sql: string): Sqlite.Statement<SqlValue[]> {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare<SqlValue[]>(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  #open(): Sqlite.Database {
    try {
      return openAt(this.#path, this.#maxBytes, 'shared');
    } catch (error) {
      return isDamage(error) ? this.#anew(error) : this.#alone(error);
    }
  }

  /** On a full disk there is no room for what several programs share of a file; what was said before can be read all the same. */
  #alone(error: unknown): Sqlite.Database {
    try {
      const database = openAt(this.#path, this.#maxBytes, 'alone');
      this.#log.warn({ err: error, file: this.#path }, 'no other program can look into the journal until a restart');
      return database;
    } catch {
      return this.#inMemory(error);
    }
  }

  /** What was damaged is kept for whoever wants to look, one of it. */
  #anew(error: unknown): Sqlite.Database {
    const aside = `${this.#path}.damaged`;
    try {
      renameSync(this.#path, aside);
      for (const ending of ['-wal', '-shm']) rmSync(`${this.#path}${ending}`, { force: true });
      const database = openAt(this.#path, this.#maxBytes, 'shared');
      this.#log.error({ err: error, file: this.#path, aside }, 'the journal was damaged; a new one was begun');
      return database;
    } catch (again) {
      return this.#inMemory(again);
    }
  }

  #inMemory(error: unknown): Sqlite.Database {
    this.#trouble = `conversations are not kept over a restart: ${sentence(error)}`;
    this.#log.error({ err: error, file: this.#path }, 'the journal cannot be opened; calls are not remembered');
    return prepared(new Sqlite(':memory:'));
  }

  #works(): void {
    // Of a database in memory that is no news.
    if (this.#lost === 0) return;
    this.#log.warn({ lost: this.#lost }, 'the journal is written again');
    this.#lost = 0;
    this.#trouble = null;
  }

  #failed(error: unknown): void {
    if (isDamage(error)) {
      this.close();
      this.#database = this.#anew(error);
      return;
    }
    this.#lost += 1;
    if (this.#lost > 1) return;
    this.#trouble = `calls are not remembered: ${sentence(error)}`;
    this.#log.error({ err: error, file: this.#path }, 'the journal cannot be written; calls are not remembered');
  }
}

function openAt(path: string, maxBytes: number, use: 'shared' | 'alone'): Sqlite.Database {
  mkdirSync(dirname(path), { recursive: true });
  // What people said is nobody else's business; the files beside it get the same mode.
  closeSync(openSync(path, 'a', 0o600));
  const database = new Sqlite(path, { timeout: BUSY_MS });
  try {
    // Before anything is read: then the index of the WAL is kept in memory, and nothing is written (sqlite.org/wal.html, 8).
    if (use === 'alone') database.pragma('locking_mode = EXCLUSIVE');
    const pageBytes = Number(database.pragma('page_size', { simple: true }));
    database.pragma(`max_page_count = ${Math.ceil(maxBytes / pageBytes)}`);
    // To say it writes, also where it is so.
    if (database.pragma('auto_vacuum', { simple: true }) !== INCREMENTAL) database.pragma('auto_vacuum = INCREMENTAL');
    // A process that is killed loses nothing; a machine that loses its power may lose the last entries.
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = NORMAL');
    database.pragma(`journal_size_limit = ${MAX_WAL_BYTES}`);
    // What was deleted is not to be found in the file.
    database.pragma('secure_delete = ON');
    return prepared(database);
  } catch (error) {
    database.close();
    throw error;
  }
}

function prepared(database: Sqlite.Database): Sqlite.Database {
  const version = Number(database.pragma('user_version', { simple: true }));
  if (version > MIGRATIONS.length) throw new Error('it was made by a newer Linecard; move it away');
  // Else nothing is written: what was said can be read on a full disk, too.
  if (version < MIGRATIONS.length) {
    database.transaction(() => {
      for (const step of MIGRATIONS.slice(version)) database.exec(step);
      database.pragma(`user_version = ${MIGRATIONS.length}`);
    })();
  }
  // Touches each table: one that lost its first page says so now.
  database.exec('SELECT count(*) FROM calls WHERE ended_at_ms IS NULL');
  return database;
}

function isDamage(error: unknown): boolean {
  return error instanceof Sqlite.SqliteError && /^SQLITE_(CORRUPT|NOTADB)/.test(error.code);
}

function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

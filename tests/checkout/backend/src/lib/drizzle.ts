import { drizzle } from 'drizzle-orm/node-postgres';
import pg from 'pg';
import * as schema from '../db/schema';

if (!process.env.POSTGRES_URL) throw new Error('POSTGRES_URL not configured');

export const pool = new pg.Pool({ connectionString: process.env.POSTGRES_URL });
export const db = drizzle(pool, { schema });

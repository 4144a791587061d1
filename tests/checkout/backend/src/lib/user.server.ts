import { headers } from 'next/headers';
import jwt from 'jsonwebtoken';
import { db } from './drizzle';

export type User = { id: string; google_user_email: string };

type Auth =
  | { user: User; organizationId?: string; authFailedResponse: null }
  | { user: null; authFailedResponse: Response };

export async function getUserFromAuth(_wanted: { adminOnly: boolean }): Promise<Auth> {
  const token = (await headers()).get('authorization')?.replace(/^Bearer /, '');
  try {
    const { id } = jwt.verify(token ?? '', process.env.NEXTAUTH_SECRET!) as { id: string };
    const user = await db.query.kilocode_users.findFirst({ where: (users, { eq }) => eq(users.id, id) });
    const organizationId = (await headers()).get('x-kilocode-organizationid') ?? undefined;
    if (user) return { user, organizationId, authFailedResponse: null };
  } catch {
    // an anonymous user
  }
  return { user: null, authFailedResponse: new Response(null, { status: 401 }) };
}

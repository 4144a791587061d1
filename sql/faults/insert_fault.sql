-- Lets the accounting statement fail for chosen users, a set number of times each; for databases of the harness only.
-- A sequence counts the tries: it does not go back when the statement that failed is rolled back.
CREATE TABLE harness_insert_fault (
    user_id text PRIMARY KEY,
    times integer NOT NULL,
    counter text NOT NULL
);

CREATE FUNCTION harness_insert_fault() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    fault harness_insert_fault%ROWTYPE;
BEGIN
    SELECT * INTO fault FROM harness_insert_fault WHERE user_id = NEW.{user}::text;
    IF FOUND AND nextval(fault.counter::regclass) <= fault.times THEN
        RAISE EXCEPTION 'the harness was asked to fail this statement' USING ERRCODE = '40001';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER harness_insert_fault BEFORE INSERT ON {table}
    FOR EACH ROW EXECUTE FUNCTION harness_insert_fault();

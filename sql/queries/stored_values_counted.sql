-- How many of the values of stored_values.sql there are, how many the header rule does not accept, the
-- shortest of these, and how many are of runs.
SELECT count(*) FILTER (WHERE held.whose = 'application'),
    count(*) FILTER (WHERE held.bad AND held.whose = 'application'),
    (array_agg(held.value ORDER BY length(held.value)) FILTER (WHERE held.bad AND held.whose = 'application'))[1:5],
    count(*) FILTER (WHERE held.whose = 'run'), count(*) FILTER (WHERE held.whose = 'address'),
    count(*) FILTER (WHERE held.whose = 'earlier')
FROM (SELECT held.*, {bad} AS bad FROM ({held}) AS held) AS held

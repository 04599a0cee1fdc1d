/*
get = "/whoami"
auth = "public"
result = "row"
summary = "Whoever asks, and nobody too"
*/
SELECT current_setting('request.jwt.claims', true)::json ->> 'sub' AS sub,
       current_user::text AS role

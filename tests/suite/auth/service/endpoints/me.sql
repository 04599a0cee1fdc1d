/*
get = "/me"
result = "row"

[parameters]
tenant = { from = "claim:tenant" }
level = { from = "claim:profile.level", type = "int4", required = false }
*/
SELECT :tenant AS tenant, :level AS level, current_user::text AS role,
       current_setting('request.jwt.claims', true)::json ->> 'sub' AS sub

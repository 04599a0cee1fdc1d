-- Prices in US dollars for 48 routes from China to northern Europe, each day of 2016 and 2021.
--
-- The numbers are made up. They come from the MD5 of a seed, the route and the day, so that every
-- database gets the same ones, on every version of PostgreSQL. Days have from 0 to 6 prices.
--
-- January 2021 from Guangzhou to Tallinn is written out below: it is the documented example.

INSERT INTO prices (orig_code, dest_code, day, price)
WITH
seed (seed) AS (VALUES ('howdah')),
routes AS (
  SELECT orig.code AS orig_code, dest.code AS dest_code, orig.base + dest.extra AS base
  FROM
    (VALUES
      ('CNGGZ', 950), ('CNSHA', 850), ('CNNGB', 880), ('CNTAO', 920),
      ('CNYTN', 900), ('CNXMN', 980), ('CNTSN', 1010), ('HKHKG', 890)
    ) AS orig (code, base),
    (VALUES
      ('EETLL', 160), ('FIHEL', 210), ('SEGOT', 140), ('NOOSL', 180), ('NLRTM', 0), ('GBFXT', 40)
    ) AS dest (code, extra)
),
days AS (
  SELECT start.day + step AS day, start.level
  FROM
    -- 2016 was half as dear.
    (VALUES (date '2016-01-01', 0.5), (date '2021-01-01', 1.0)) AS start (day, level),
    generate_series(0, 365) AS step
  WHERE extract(year FROM start.day + step) = extract(year FROM start.day)
),
chances AS (
  SELECT
    orig_code,
    dest_code,
    day,
    -- The year's wave peaks before the new year.
    base * level * (1 + 0.15 * cos(2 * pi() * extract(doy FROM day) / 365)) AS mean,
    decode(md5(seed || orig_code || dest_code || to_char(day, 'YYYYMMDD')), 'hex') AS bytes
  FROM routes, days, seed
)
SELECT
  orig_code,
  dest_code,
  day,
  -- Up to an eighth above or below the mean.
  round(mean * (0.875 + get_byte(bytes, nth) / 1020.0))::integer
FROM chances, generate_series(1, 6) AS nth
-- The first byte says how many: none on three days of eight, then ever fewer of ever more.
WHERE
  nth <= (ARRAY[0, 0, 0, 1, 2, 3, 4, 6])[1 + get_byte(bytes, 0) % 8]
  AND NOT (orig_code = 'CNGGZ' AND dest_code = 'EETLL' AND day BETWEEN '2021-01-01' AND '2021-01-31');

INSERT INTO prices (orig_code, dest_code, day, price)
SELECT 'CNGGZ', 'EETLL', it.day, price
FROM
  (VALUES
    (date '2021-01-01', ARRAY[1243, 1288, 1301]),
    (date '2021-01-04', ARRAY[1240]),
    (date '2021-01-05', ARRAY[1244, 1251, 1277, 1290]),
    (date '2021-01-06', ARRAY[1238, 1282]),
    (date '2021-01-07', ARRAY[1229, 1262, 1285]),
    (date '2021-01-08', ARRAY[1220, 1248, 1260, 1268, 1275]),
    (date '2021-01-11', ARRAY[1215, 1230]),
    (date '2021-01-12', ARRAY[1209, 1231, 1245]),
    (date '2021-01-13', ARRAY[1202]),
    (date '2021-01-14', ARRAY[1198, 1217, 1233, 1240]),
    (date '2021-01-15', ARRAY[1190, 1221, 1229]),
    (date '2021-01-18', ARRAY[1187]),
    (date '2021-01-19', ARRAY[1180, 1209, 1222]),
    (date '2021-01-20', ARRAY[1174, 1203]),
    (date '2021-01-21', ARRAY[1168, 1190, 1211, 1219]),
    (date '2021-01-22', ARRAY[1160, 1188, 1207]),
    (date '2021-01-25', ARRAY[1151, 1183]),
    (date '2021-01-26', ARRAY[1143, 1176, 1199]),
    (date '2021-01-27', ARRAY[1139]),
    (date '2021-01-28', ARRAY[1128, 1157, 1181, 1190]),
    (date '2021-01-29', ARRAY[1115, 1169, 1195]),
    (date '2021-01-30', ARRAY[1100, 1163, 1200]),
    (date '2021-01-31', ARRAY[1100, 1163, 1200])
  ) AS it (day, prices),
  unnest(it.prices) AS price;

ANALYZE prices;

// Fastify and pg, as their documentation shows them: a pool, named statements, a process per core.
'use strict'
const cluster = require('node:cluster')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')

const [port, url] = process.argv.slice(2)
const cores = os.availableParallelism()

if (cluster.isPrimary) {
  for (let i = 0; i < cores; i++) cluster.fork()
  process.on('SIGTERM', () => process.exit(0))
} else {
  const { Pool, types } = require('pg')
  // A date stays what the database says; pg would make it a moment in the machine's time zone.
  types.setTypeParser(types.builtins.DATE, (text) => text)
  types.setTypeParser(types.builtins.INT8, (text) => Number(text))
  const pool = new Pool({ connectionString: url, max: Math.max(1, Math.floor(8 / cores)) })
  const sql = (name) => fs.readFileSync(path.join(__dirname, '..', 'sql', `${name}.sql`), 'utf8')
  const [portSql, ratesSql, itemsSql] = ['port', 'rates', 'items'].map(sql)
  const app = require('fastify')()
  app.get('/', async () => ({ message: 'Hello world!' }))
  app.get('/port', async (request, reply) => {
    const { rows } = await pool.query({ name: 'port', text: portSql, values: [request.query.code] })
    return rows[0] ?? reply.code(404).send({})
  })
  app.get('/rates', async (request) => {
    const { date_from, date_to, orig_code, dest_code } = request.query
    const values = [date_from, date_to, orig_code, dest_code]
    const { rows } = await pool.query({ name: 'rates', text: ratesSql, values })
    return { rates: rows }
  })
  app.get('/items', async (request) => {
    const { rows } = await pool.query({ name: 'items', text: itemsSql, values: [request.query.after] })
    return rows
  })
  app.listen({ port: Number(port), host: '127.0.0.1' })
}

//! Rows as an Arrow IPC stream (Apache Arrow, "IPC Streaming Format"): a schema, then batches of bounded
//! size. `docs/streams.md` has the table of types.
//!
//! A value that its Arrow type cannot hold (`infinity`, `NaN` of an exact number, an array of more than
//! one dimension) is an error, never something else.

mod column;
mod decimal;
#[cfg(test)]
mod tests;

use super::Column;
use crate::{
    definition::file::ResultShape,
    value::{Malformed, Type, wire::Wire},
};
use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{Field, Schema};
use column::Builder;
use std::sync::Arc;

/// Rows of a batch, at most.
const BATCH_ROWS: usize = 8192;
/// Bytes of rows, as PostgreSQL sends them, after which a batch is full.
const BATCH_BYTES: usize = 512 * 1024;

/// The plan of an endpoint's answer as Arrow.
#[derive(Debug)]
pub struct Plan {
    schema: Arc<Schema>,
    columns: Vec<(Type, i32)>,
    is_one: bool,
}

impl Plan {
    /// Plans the answer of an endpoint.
    pub fn new(shape: ResultShape, columns: &[Column]) -> Self {
        let fields: Vec<Field> = columns
            .iter()
            .map(|it| {
                let ty = it.ty.base();
                Field::new(&it.name, column::data_type(ty, it.modifier), it.nullable)
            })
            .collect();
        Self {
            schema: Arc::new(Schema::new(fields)),
            columns: columns.iter().map(|it| (it.ty.base().clone(), it.modifier)).collect(),
            is_one: shape != ResultShape::Rows,
        }
    }
}

/// Writes one answer.
pub struct Writer {
    plan: Arc<Plan>,
    builders: Vec<Builder>,
    rows: usize,
    bytes: usize,
    stream: Option<StreamWriter<Vec<u8>>>,
}

impl Writer {
    /// What writes one answer of the plan.
    pub fn new(plan: &Arc<Plan>) -> Self {
        Self { plan: Arc::clone(plan), builders: Vec::new(), rows: 0, bytes: 0, stream: None }
    }

    /// Writes the schema, and forgets what was gathered.
    pub fn begin(&mut self, out: &mut Vec<u8>) {
        let columns = self.plan.columns.iter();
        self.builders = columns.map(|(ty, modifier)| Builder::new(ty, *modifier)).collect();
        (self.rows, self.bytes) = (0, 0);
        // Writing to memory does not fail, and a schema of these types has a form.
        self.stream = StreamWriter::try_new(Vec::new(), &self.plan.schema).ok();
        self.drain(out);
    }

    /// Takes a row; writes a batch when one is full.
    ///
    /// # Errors
    /// The row is not what the plan was made for, or Arrow has no form for one of its values.
    pub fn row(
        &mut self,
        data_row: &[u8],
        first: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), Malformed> {
        if self.plan.is_one && !first {
            return Ok(());
        }
        let mut wire = Wire::new(data_row, "row of these columns");
        if usize::from(wire.u16()?) != self.builders.len() {
            return Err(wire.malformed());
        }
        for (builder, (ty, _)) in self.builders.iter_mut().zip(&self.plan.columns) {
            builder.append(ty, wire.value()?)?;
        }
        wire.end()?;
        self.rows += 1;
        self.bytes += data_row.len();
        if self.rows >= BATCH_ROWS || self.bytes >= BATCH_BYTES {
            self.batch()?;
            self.drain(out);
        }
        Ok(())
    }

    /// Writes what was gathered, and the end of the stream.
    ///
    /// # Errors
    /// Arrow has no form for what was gathered.
    pub fn end(&mut self, out: &mut Vec<u8>) -> Result<(), Malformed> {
        if self.rows > 0 {
            self.batch()?;
        }
        if let Some(stream) = &mut self.stream {
            stream.finish().map_err(|_| Malformed::new("batch of rows"))?;
        }
        self.drain(out);
        Ok(())
    }

    fn batch(&mut self) -> Result<(), Malformed> {
        let malformed = |_| Malformed::new("batch of rows");
        let mut arrays = Vec::with_capacity(self.builders.len());
        for builder in &mut self.builders {
            arrays.push(builder.finish().map_err(malformed)?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        let schema = Arc::clone(&self.plan.schema);
        let batch = RecordBatch::try_new_with_options(schema, arrays, &options);
        (self.rows, self.bytes) = (0, 0);
        match &mut self.stream {
            Some(stream) => batch.and_then(|batch| stream.write(&batch)).map_err(malformed),
            None => Err(Malformed::new("stream of rows")),
        }
    }

    fn drain(&mut self, out: &mut Vec<u8>) {
        if let Some(stream) = &mut self.stream {
            out.append(stream.get_mut());
        }
    }
}

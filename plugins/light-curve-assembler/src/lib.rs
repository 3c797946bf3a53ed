//! Rows of observations to light curves.
//!
//! - [`params`]: what the user may ask for;
//! - [`key`]: which object a row is of;
//! - [`share`]: which objects a shard works on;
//! - [`mapper`]: the survey's columns → observations;
//! - [`points`]: observations → points in order;
//! - [`tally`]: what was counted, in words;
//! - here: which tables come in and which goes out.

use skyloom_plugin::arrow_array::UInt64Array;
use skyloom_plugin::prelude::*;

use key::{Key, Keys, is_key};
use mapper::{Fault, Mapper};
pub use params::Params;
use points::{Curves, Observation, settle};
use share::{Owner, Share};
use tally::Tally;

pub mod params;
pub mod key;
pub mod share;
pub mod mapper;
pub mod points;
pub mod tally;

const OBJECTS: &str = "objects";
const DETECTIONS: &str = "detections";
const CURVES: &str = "curves";

/// The plugin.
pub struct LightCurveAssembler;

impl Plugin for LightCurveAssembler {
    type Params = Params;

    fn describe() -> Descriptor {
        descriptor!(Role::Transformer, Scope::Whole)
            .optional_input(
                OBJECTS,
                "One row per object, to be kept, in its order, with light curves added.",
            )
            .input(DETECTIONS, "One row per observation, in any order.")
            .output(
                CURVES,
                "`objects`, or else the keys, and a column of light curves for each band.",
            )
            .cite("doi:10.1086/160817")
    }

    fn bind(params: &Params, bind: &mut Bind) -> Result<()> {
        let mapper = Mapper::new(params)?;
        let key = bind.column(DETECTIONS, &params.key, Some("key"))?;
        let key = key.of_type("integers or text", is_key)?.read(Purpose::Key);
        if bind.is_connected(OBJECTS) {
            let param = if params.object_key.is_some() { "object-key" } else { "key" };
            let expected = if key.data_type().is_integer() { "integers" } else { "text" };
            bind.column(OBJECTS, params.object_key(), Some(param))?
                .of_type(&format!("{expected}, as in `detections`"), |data_type| {
                    is_key(data_type) && data_type.is_integer() == key.data_type().is_integer()
                })?
                .read(Purpose::Key);
            bind.pass_all(CURVES, OBJECTS)?;
        } else if params.object_key.is_some() {
            return Err(Error::param("object-key", "input `objects` is not connected"));
        } else {
            bind.add(CURVES, key_field(&key))?;
        }
        for band in mapper.bind(params, bind)? {
            bind.add(CURVES, band.field())?;
        }
        bind.set_pieces(params.shards);
        Ok(())
    }

    fn run(params: &Params, task: &mut Task) -> Result<()> {
        let objects = task.is_connected(OBJECTS).then(|| task.take_input(OBJECTS));
        let mut objects = objects.transpose()?;
        let mut detections = task.take_input(DETECTIONS)?;
        let mut share = match &mut objects {
            Some(objects) => Share::of_objects(objects, params.object_key(), task.piece())?,
            None => Share::of_keys(task.piece()),
        };
        let mut tally = Tally::default();
        let mut observations = gather(params, task, &mut detections, &mut share, &mut tally)?;
        if let Some(places) = share.put_in_order() {
            observations.iter_mut().for_each(|one| one.object = places[one.object as usize]);
        }
        let before = observations.len();
        settle(&mut observations, params.duplicates).map_err(|(one, _)| {
            let (name, band, time) = (share.name(one.object), one.band, one.time);
            let band = params.bands.names().get(usize::from(band)).copied().unwrap_or_default();
            Error::data(format!(
                "object {name} has two points in band `{band}` at MJD {time}; drop one, or choose another `duplicates`"
            ))
        })?;
        tally.duplicates = (before - observations.len()) as u64;
        tally.note_curves(&share, &observations);
        let output = task.output(CURVES)?;
        match &mut objects {
            Some(objects) => join(&observations, &share, objects, output)?,
            None => list(&observations, &share, output)?,
        }
        tally.tell(task);
        Ok(())
    }
}

export!(LightCurveAssembler);

/// The key's column where there are no `objects`: integers of 64 bits, or text.
fn key_field(key: &Field) -> Field {
    let data_type = match key.data_type() {
        DataType::UInt64 => DataType::UInt64,
        data_type if data_type.is_integer() => DataType::Int64,
        _ => DataType::Utf8,
    };
    // Categories are those of observations in one order; the rest still holds.
    let mut metadata = key.metadata().clone();
    metadata.remove("categories");
    Field::new(key.name(), data_type, false).with_metadata(metadata).with_ucd("meta.id;meta.main")
}

/// Reads the observations of the shard's objects.
fn gather(
    params: &Params,
    task: &Task,
    detections: &mut Reader,
    share: &mut Share,
    tally: &mut Tally,
) -> Result<Vec<Observation>> {
    let mapper = Mapper::new(params)?;
    let is_first = task.piece().0 == 0;
    let (mut observations, mut row) = (Vec::new(), 0);
    let rows = detections.rows();
    while let Some(batch) = detections.next()? {
        let keys = Keys::read(&batch, &params.key)?;
        let owners = owners(&keys, share, tally, is_first)?;
        if owners.iter().any(Option::is_some) {
            mapper.read(&batch, &owners, &mut observations, tally).map_err(
                |fault| match fault {
                    Fault::Row(at, what) => {
                        let key = keys.get(at).map_or_else(String::new, |key| key.to_string());
                        let row = row + at as u64;
                        Error::data(format!(
                            "row {row} of `detections` (from 0), object {key}: {what}"
                        ))
                    }
                    Fault::Other(error) => error,
                },
            )?;
        }
        row += batch.rows() as u64;
        task.progress(row, rows);
    }
    Ok(observations)
}

/// The places of the objects of each row, where they are this shard's.
fn owners(
    keys: &Keys,
    share: &mut Share,
    tally: &mut Tally,
    is_first: bool,
) -> Result<Vec<Option<u32>>> {
    let mut owners = Vec::with_capacity(keys.len());
    // Most tables have an object's observations together.
    let mut last: Option<(Key<'_>, Owner)> = None;
    for row in 0..keys.len() {
        let Some(key) = keys.get(row) else {
            tally.no_key += u64::from(is_first);
            owners.push(None);
            continue;
        };
        let owner = match last {
            Some((other, owner)) if other == key => owner,
            _ => share.owner(key)?,
        };
        last = Some((key, owner));
        owners.push(match owner {
            Owner::Mine(place) => Some(place),
            Owner::Other => None,
            Owner::Nobody => {
                tally.nobody_s += 1;
                tally.first_nobody.get_or_insert_with(|| key.to_string());
                None
            }
        });
    }
    Ok(owners)
}

/// Writes the shard's rows of `objects`, light curves added.
fn join(
    observations: &[Observation],
    share: &Share,
    objects: &mut Reader,
    output: &mut Writer,
) -> Result<()> {
    let types = output.types().to_vec();
    let mut curves = Curves::new(observations, &types);
    let rows = share.rows().unwrap_or_default();
    let mut first = 0;
    objects.rewind();
    while let Some(batch) = objects.next()? {
        let end = first + batch.rows() as u64;
        let mut from = rows.start.max(first);
        let until = rows.end.min(end);
        while from < until {
            let places = (from - rows.start) as u32..(until - rows.start) as u32;
            let (place, columns) = curves.next(places)?;
            let to = rows.start + u64::from(place);
            if (from, to) == (first, end) {
                output.derive(&batch, columns)?;
            } else {
                let keep = (first..end).map(|row| (from..to).contains(&row)).collect();
                output.select(&batch, &keep, columns)?;
            }
            from = to;
        }
        first = end;
        if first >= rows.end {
            break;
        }
    }
    Ok(())
}

/// Writes the shard's keys and their light curves.
fn list(observations: &[Observation], share: &Share, output: &mut Writer) -> Result<()> {
    let types = output.types().to_vec();
    let Some((key_type, types)) = types.split_first() else {
        return Err(Error::failed("no column for the key"));
    };
    let mut curves = Curves::new(observations, types);
    let mut keys = share.keys();
    let (mut place, end) = (0, share.len() as u32);
    while place < end {
        let (next, mut columns) = curves.next(place..end)?;
        let keys = keys.by_ref().take((next - place) as usize);
        columns.insert(0, key_array(key_type, keys));
        output.put(columns)?;
        place = next;
    }
    Ok(())
}

fn key_array<'a>(data_type: &DataType, keys: impl Iterator<Item = Key<'a>>) -> ArrayRef {
    let integers = |key: Key<'_>| match key {
        Key::Integer(value) => value,
        Key::Text(_) => 0,
    };
    match data_type {
        DataType::Int64 => {
            Arc::new(Int64Array::from_iter_values(keys.map(|key| integers(key) as i64)))
        }
        DataType::UInt64 => {
            Arc::new(UInt64Array::from_iter_values(keys.map(|key| integers(key) as u64)))
        }
        _ => Arc::new(StringArray::from_iter_values(keys.map(|key| key.to_string()))),
    }
}

//! Databases: values under keys, and what is told when one changes.

use std::collections::{BTreeMap, VecDeque};

use super::{Server, Text};

/// What a key holds.
#[derive(Clone, Debug)]
pub(super) enum Value {
    String(Text),
    List(VecDeque<Text>),
    Hash(BTreeMap<Text, Text>),
}

impl Value {
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::String(_) => "string",
            Self::List(_) => "list",
            Self::Hash(_) => "hash",
        }
    }

    /// Its type and all that is in it.
    fn elements(&self) -> Vec<Text> {
        let mut elements = vec![self.type_name().as_bytes().to_vec()];
        match self {
            Self::String(text) => elements.push(text.clone()),
            Self::List(list) => elements.extend(list.iter().cloned()),
            Self::Hash(hash) => {
                elements.extend(hash.iter().flat_map(|(field, text)| [field, text]).cloned());
            }
        }
        elements
    }
}

impl Server {
    /// All keys that begin so, with database, type and elements.
    pub(crate) fn contents(&self, prefix: &[u8]) -> Vec<(usize, Text, Vec<Text>)> {
        let mut contents = Vec::new();
        for (number, database) in self.databases.iter().enumerate() {
            for (key, value) in database.iter().filter(|(key, _)| key.starts_with(prefix)) {
                contents.push((number, key.clone(), value.elements()));
            }
        }
        contents
    }

    /// The client's database.
    pub(super) fn database(&mut self, id: u64) -> &mut BTreeMap<Text, Value> {
        let number = self.client(id).database;
        &mut self.databases[number]
    }

    pub(super) fn value(&mut self, id: u64, key: &[u8]) -> Option<&mut Value> {
        self.database(id).get_mut(key)
    }

    /// A string, or nothing; tells the client when it is something else.
    pub(super) fn string(&mut self, id: u64, key: &[u8]) -> Result<Option<&mut Text>, ()> {
        let wrong = match self.value(id, key) {
            None | Some(Value::String(_)) => false,
            Some(_) => true,
        };
        if wrong {
            self.client(id).wrong_type();
            return Err(());
        }
        Ok(self.value(id, key).and_then(|value| match value {
            Value::String(text) => Some(text),
            _ => None,
        }))
    }

    /// The same for a list.
    pub(super) fn list(&mut self, id: u64, key: &[u8]) -> Result<Option<&mut VecDeque<Text>>, ()> {
        let wrong = !matches!(self.value(id, key), None | Some(Value::List(_)));
        if wrong {
            self.client(id).wrong_type();
            return Err(());
        }
        Ok(self.value(id, key).and_then(|value| match value {
            Value::List(list) => Some(list),
            _ => None,
        }))
    }

    /// The same for a hash.
    pub(super) fn hash(
        &mut self,
        id: u64,
        key: &[u8],
    ) -> Result<Option<&mut BTreeMap<Text, Text>>, ()> {
        let wrong = !matches!(self.value(id, key), None | Some(Value::Hash(_)));
        if wrong {
            self.client(id).wrong_type();
            return Err(());
        }
        Ok(self.value(id, key).and_then(|value| match value {
            Value::Hash(hash) => Some(hash),
            _ => None,
        }))
    }

    /// Puts a value under a key, whatever was there.
    pub(super) fn store(&mut self, id: u64, key: &[u8], value: Value) {
        self.database(id).insert(key.to_vec(), value);
        self.changed(id, key);
    }

    /// Tells those who watch or track a key of the client's database that it was changed.
    pub(super) fn changed(&mut self, id: u64, key: &[u8]) {
        let database = self.client(id).database;
        self.touch(database, key);
        self.invalidate(id, key);
    }
}

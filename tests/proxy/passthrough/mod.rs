//! Ordinary commands through sessiond answer byte for byte as they do on Redis.

mod commands;
mod introduction;
mod streams;

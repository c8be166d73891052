//! Which fields of `INFO` add up over nodes.

/// What becomes of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// A number that adds: what all nodes have or have done.
    Adds,
    /// A limit, where 0 is none.
    Limit,
    /// The field of this name in larger units.
    Human(usize),
    /// The mode of the server: in front of a cluster it is one server.
    Mode,
    /// Whether it is a node of a cluster.
    ClusterEnabled,
    /// That of the first node.
    Stays,
}

/// What becomes of the field called `name`.
pub(super) fn field(name: &[u8]) -> Field {
    match name {
        b"redis_mode" | b"server_mode" => return Field::Mode,
        b"cluster_enabled" => return Field::ClusterEnabled,
        b"maxmemory" => return Field::Limit,
        b"maxmemory_human" => return Field::Human(b"maxmemory".len()),
        _ => {}
    }
    if ADDS.contains(&name) {
        return Field::Adds;
    }
    let Some(of_memory) = name.strip_prefix(b"used_memory") else { return Field::Stays };
    match of_memory.strip_suffix(b"_human") {
        Some(_) => Field::Human(name.len() - b"_human".len()),
        None if of_memory.ends_with(b"_perc") => Field::Stays,
        None => Field::Adds,
    }
}

/// Fields of Redis 6 to 8 and Valkey (`genRedisInfoString` in server.c). Of the memory all `used_memory...` add too.
/// Those do not that are ratios, settings, the last or the largest of something.
#[rustfmt::skip]
const ADDS: &[&[u8]] = &[
    // Clients
    b"connected_clients", b"blocked_clients", b"tracking_clients", b"pubsub_clients",
    b"watching_clients", b"clients_in_timeout_table", b"total_watched_keys",
    b"total_blocking_keys", b"total_blocking_keys_on_nokey", b"cluster_connections",
    // Memory
    b"allocator_allocated", b"allocator_active", b"allocator_resident", b"allocator_muzzy",
    b"allocator_frag_bytes", b"allocator_rss_bytes", b"rss_overhead_bytes",
    b"mem_fragmentation_bytes", b"mem_not_counted_for_evict", b"mem_replication_backlog",
    b"mem_total_replication_buffers", b"mem_clients_slaves", b"mem_clients_normal",
    b"mem_cluster_links", b"mem_aof_buffer", b"mem_overhead_db_hashtable_rehashing",
    b"lazyfree_pending_objects", b"lazyfreed_objects",
    // Persistence
    b"rdb_changes_since_last_save",
    // Stats
    b"total_connections_received", b"total_commands_processed", b"instantaneous_ops_per_sec",
    b"total_net_input_bytes", b"total_net_output_bytes", b"total_net_repl_input_bytes",
    b"total_net_repl_output_bytes", b"instantaneous_input_kbps", b"instantaneous_output_kbps",
    b"instantaneous_input_repl_kbps", b"instantaneous_output_repl_kbps", b"rejected_connections",
    b"sync_full", b"sync_partial_ok", b"sync_partial_err", b"expired_keys", b"expired_subkeys",
    b"expired_fields", b"expired_keys_active", b"expired_subkeys_active",
    b"expired_time_cap_reached_count", b"expire_cycle_cpu_milliseconds", b"evicted_keys",
    b"evicted_clients", b"evicted_scripts", b"total_eviction_exceeded_time",
    b"current_eviction_exceeded_time", b"keyspace_hits", b"keyspace_misses", b"pubsub_channels",
    b"pubsub_patterns", b"pubsubshard_channels", b"total_forks", b"migrate_cached_sockets",
    b"active_defrag_hits", b"active_defrag_misses", b"active_defrag_key_hits",
    b"active_defrag_key_misses", b"total_active_defrag_time", b"current_active_defrag_time",
    b"tracking_total_keys", b"tracking_total_items", b"tracking_total_prefixes",
    b"unexpected_error_replies", b"total_error_replies", b"dump_payload_sanitizations",
    b"total_reads_processed", b"total_writes_processed", b"io_threaded_reads_processed",
    b"io_threaded_writes_processed", b"io_threaded_total_prefetch_batches",
    b"io_threaded_total_prefetch_entries", b"client_query_buffer_limit_disconnections",
    b"client_output_buffer_limit_disconnections", b"reply_buffer_shrinks",
    b"reply_buffer_expands", b"acl_access_denied_auth", b"acl_access_denied_cmd",
    b"acl_access_denied_key", b"acl_access_denied_channel",
];

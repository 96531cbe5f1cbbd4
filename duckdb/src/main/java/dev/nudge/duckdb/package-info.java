/// Reads Parquet files and SQL queries over files with DuckDB: the `TableReader` of
/// `dev.nudge.data.source`, found by the service loader if this jar is on the class path.
///
/// It knows nothing about row formats, tokens or models. Nothing is downloaded: DuckDB's Parquet,
/// JSON and CSV readers are built in, and extensions are disabled.
///
/// This is a separate module, installed on demand, as DuckDB is 80 MB that many users never need.
///
/// Read [DuckDb] first.
@NullMarked
package dev.nudge.duckdb;

import org.jspecify.annotations.NullMarked;

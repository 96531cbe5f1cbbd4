/// Reads Parquet files, and queries over files, by DuckDB: the `TableReader` of
/// `dev.nudge.data.source`, found by the service loader where this jar is.
///
/// It knows nothing about shapes of rows, tokens or models. Nothing is downloaded: DuckDB's readers
/// of Parquet, JSON and CSV are part of its library, and its extensions are switched off.
///
/// Read [DuckDb] first.
@NullMarked
package dev.nudge.duckdb;

import org.jspecify.annotations.NullMarked;

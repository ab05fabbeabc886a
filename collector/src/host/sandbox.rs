//! The filter that we put on ourselves before anything is read.

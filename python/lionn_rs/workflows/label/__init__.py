"""Labels from an electronic-structure code: a queue of frames that loses nothing."""

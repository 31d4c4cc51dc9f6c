"""Video streams as PS3.5 §8.2.5 to §8.2.8 have them, and the MP4 container that browsers play.

A stored stream is never copied: its pictures are found in one pass, and an MP4 file is
then a head that is made and runs of the stored bytes, rewritten as they are read.
"""

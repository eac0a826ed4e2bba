package sleeps;
sleep 600;
1;
